"""The use cases as people meet them: presence, sessions, ids, limits.

Over 300 lines: the use cases meet each other here, over the same lobby.
"""

from typing import Any

import orjson
import pytest

from adapters.memory.gateway import InlineBackground, RecordingGateway
from adapters.memory.limiter import TokenBuckets
from domain.chat import Chat, signals
from domain.chat.receiving import Receiving
from domain.chat.sessions import hashed
from domain.consuming import Record
from domain.errors import NotFound, Unauthenticated
from domain.executing import outcomes_of, versions_of
from domain.person.memberships import Memberships
from domain.person.person import Person
from domain.person.sessions import StartSession
from domain.ports.accounts import Session
from domain.ports.connections import Connection
from domain.protocol.limits import MAX_FRAME, MAX_TEXT
from domain.room.reactions import MAX_EMOJI, MAX_REACTIONS, ReactionAdded
from tests.support.chat import (
    Someone,
    admit,
    memory_chat,
    old_private_room,
    person,
    records,
    run_consumers,
)


def lobby(kind: str = "public", **ports: Any) -> tuple[Chat, Someone, Someone]:
    """Ann owns the lobby, Bob is a member; both synced it."""
    chat = memory_chat(**ports)
    ann, bob = person(chat, "ann"), person(chat, "bob")
    if kind == "private":
        old_private_room(ann, "lobby")
    else:
        ann.send(action="create_room", room="lobby", name="Lobby", kind=kind)
    admit(ann, bob, "lobby")
    run_consumers(chat)
    for someone in (ann, bob):
        someone.sync(lobby=None)
    for someone in (ann, bob):
        someone.frames()
    return chat, ann, bob


def of_type(frames: list[dict[str, Any]], type: str) -> list[dict[str, Any]]:
    return [frame for frame in frames if frame["type"] == type]


def background(chat: Chat) -> InlineBackground:
    found = chat.services.background
    assert isinstance(found, InlineBackground)
    return found


def test_presence_is_told_on_the_first_sync_and_after_the_last_close() -> None:
    chat, ann, bob = lobby()
    second = bob.another("bob-2")
    second.sync(lobby=3)
    assert of_type(ann.frames(), "presence") == []
    chat.disconnect("bob")
    (check,) = background(chat).checks
    chat.settle_presence(*check)
    assert of_type(ann.frames(), "presence") == []
    chat.disconnect("bob-2")
    chat.settle_presence(*background(chat).checks[-1])
    offline = {"type": "presence", "room": "lobby", "user": "u_bob", "state": "offline"}
    assert ann.frames() == [offline]
    bob.another("bob-3").sync(lobby=3)
    assert of_type(ann.frames(), "presence") == [{**offline, "state": "online"}]


def test_who_comes_back_in_time_was_never_away() -> None:
    chat, ann, bob = lobby()
    chat.disconnect("bob")
    bob.another("bob-2").sync(lobby=3)
    ann.frames()
    chat.settle_presence(*background(chat).checks[-1])
    assert ann.frames() == []


def test_a_connection_found_gone_is_told_offline_too() -> None:
    """Delivery forgets it before `$disconnect` comes, which then finds nothing to say."""
    chat, ann, _ = lobby()
    gateway = chat.services.gateway
    assert isinstance(gateway, RecordingGateway)
    gateway.gone.add("bob")
    ann.send(action="post", room="lobby", text="hello")
    run_consumers(chat)
    chat.disconnect("bob")
    assert [user for user, rooms in background(chat).checks if rooms] == ["u_bob"]


def test_typing_reaches_the_others_in_the_room() -> None:
    chat, ann, bob = lobby()
    assert ann.send(action="typing", room="lobby") == []
    assert bob.frames() == [{"type": "typing", "room": "lobby", "user": "u_ann"}]
    cy = person(chat, "cy")
    assert cy.send(action="typing", room="lobby") == []
    assert ann.frames() == bob.frames() == []


def test_a_large_room_hears_neither_typing_nor_presence(monkeypatch: pytest.MonkeyPatch) -> None:
    chat, ann, bob = lobby()
    monkeypatch.setattr(signals, "LARGE", 3)
    third, fourth = bob.another("bob-2"), person(chat, "cy")
    third.sync(lobby=3)
    ann.send(action="typing", room="lobby")
    assert [frame["type"] for frame in bob.frames()] == ["typing"]
    assert [frame["type"] for frame in third.frames()] == ["typing"]
    fourth.sync(lobby=3)
    assert ann.send(action="typing", room="lobby") == []
    chat.disconnect("cy")
    chat.services.connections.open(Connection("dan", "u_dan", "s"))
    chat.services.connections.subscribe("dan", "lobby")
    chat.settle_presence(*background(chat).checks[-1])
    for someone in (ann, bob, third):
        assert someone.frames() == []
    # Messages reach everybody.
    ann.send(action="post", room="lobby", text="hello")
    run_consumers(chat)
    assert [frame["type"] for frame in bob.frames()] == ["events"]


def test_commands_are_limited_by_person() -> None:
    _, ann, bob = lobby(limiter=TokenBuckets(60, burst=6, clock=lambda: 0.0))
    answers = [ann.send(action="join", room="lobby")[0] for _ in range(6)]
    assert [answer["type"] for answer in answers] == ["ack"] * 4 + ["error"] * 2
    assert answers[-1]["code"] == "rate_limited"
    assert bob.send(action="join", room="lobby")[0]["type"] == "ack"


def test_typing_takes_of_the_allowance_and_is_dropped_beyond_it() -> None:
    _, ann, bob = lobby(limiter=TokenBuckets(60, burst=6, clock=lambda: 0.0))
    for _ in range(10):
        assert ann.send(action="typing", room="lobby") == [], "it is answered by nothing"
    heard = of_type(bob.frames(), "typing")
    assert 1 <= len(heard) <= 6
    (refused,) = ann.send(action="post", room="lobby", text="hello")
    assert refused["code"] == "rate_limited"
    assert bob.send(action="post", room="lobby", text="hello")[0]["type"] == "ack"


def test_a_removed_member_of_a_private_room_hears_and_reads_no_more() -> None:
    chat, ann, bob = lobby("private")
    ann.send(action="remove_member", room="lobby", user="u_bob")
    ann.send(action="post", room="lobby", text="hello")
    run_consumers(chat)
    pushed = of_type(bob.frames(), "events")
    assert [event["type"] for frame in pushed for event in frame["events"]] == ["MemberLeft"]
    assert bob.sync(lobby=3)[-1]["rooms"] == {"lobby": {"error": "not_found"}}
    ann.send(action="post", room="lobby", text="hello")
    run_consumers(chat)
    assert of_type(bob.frames(), "events") == []


def test_a_private_room_whose_creation_was_parked_stays_private() -> None:
    """A room whose kind is not known is open to its members alone."""
    chat, _, _ = lobby("private")
    cy = person(chat, "cy")
    chat.services.views.store.reset("R#lobby")
    bodies = []
    for _, record in records(chat):
        body = orjson.loads(record.body)
        if (body["stream"], body["version"]) == ("lobby", 1):
            del body["state"]["kind"]
        bodies.append(Record(record.id, orjson.dumps(body)))
    assert chat.apply_records("project_views", bodies) == []
    assert [one.version for one in chat.services.progress.parked()] == [1]
    try:
        read = chat.reading.messages("lobby", cy.user, None, 10)
    except NotFound:
        read = None
    assert read is None


def test_logging_out_ends_the_session_and_closes_its_sockets() -> None:
    chat, ann, _ = lobby()
    other = person(chat, "ann-2")
    chat.sessions.leave(ann.token)
    run_consumers(chat)
    gateway = chat.services.gateway
    assert isinstance(gateway, RecordingGateway)
    assert gateway.closed == [("ann", 4401)]
    assert chat.services.accounts.session(other.token, 0.0) is None
    assert chat.sessions.who(other.token).user == other.user


def signed_in_again(chat: Chat, someone: Someone, token: str) -> Session:
    """Starts another session of somebody, on another device say."""
    services, now = chat.services, chat.services.now()
    session = Session(someone.user, hashed(token)[:32], services.seconds() + 86_400.0)
    start = StartSession(
        by=someone.user,
        id=f"session {token}",
        at=now,
        recorded_at=now,
        digest="",
        session=session.session,
    )
    versions_of(outcomes_of(services.executor, [(someone.user, [start])])[0])
    services.accounts.put_session(hashed(token), session)
    return session


def test_a_session_that_ends_closes_its_own_sockets_and_no_others() -> None:
    """Whoever logs out on one device stays on the other, and hears there that it ended."""
    chat, ann, _ = lobby()
    other = signed_in_again(chat, ann, "other-device")
    chat.connect("ann-tablet", other)
    chat.connect("ann-tablet-2", other)
    third = ann.another("ann-2")
    run_consumers(chat)
    gateway = chat.services.gateway
    assert isinstance(gateway, RecordingGateway)
    gateway.frames.clear()
    chat.sessions.leave("other-device")
    run_consumers(chat)
    assert sorted(gateway.closed) == [("ann-tablet", 4401), ("ann-tablet-2", 4401)]
    for tab in (ann, third):
        (frame,) = tab.frames()
        assert [event["type"] for event in frame["events"]] == ["SessionEnded"]
    assert chat.sessions.who(ann.token).user == ann.user
    with pytest.raises(Unauthenticated):
        chat.sessions.who("other-device")
    chat.sessions.leave(ann.token)
    run_consumers(chat)
    assert {connection for connection, _ in gateway.closed[2:]} == {"ann", "ann-2"}


def test_a_connection_that_is_refused_is_not_noted() -> None:
    """Its ticket was redeemed, then its session ended: nobody would ever close it."""
    chat, ann, _ = lobby()
    session = signed_in_again(chat, ann, "short")
    chat.connect("in-time", session)
    chat.sessions.leave("short")
    with pytest.raises(Unauthenticated):
        chat.connect("too-late", session)
    with pytest.raises(Unauthenticated):
        chat.connect("never", Session("u_nobody", "no-session", 0.0))
    connections = chat.services.connections
    assert set(connections.of_user(ann.user)) == {"ann", "in-time"}
    assert list(connections.of_session(ann.user, session.session)) == ["in-time"]
    assert list(connections.of_user("u_nobody")) == []
    for refused in ("too-late", "never"):
        assert connections.close(refused) is None


def test_a_clients_command_id_cannot_stand_in_for_parleys_own() -> None:
    """Commands of clients and of Parley share a person's log; Parley's ids have a space, which
    clients' cannot have, so that nobody can have the end of a session refused."""
    chat, ann, _ = lobby()
    ann.send(action="read", id=f"end {ann.connection.session}", room="lobby", version=1)
    chat.sessions.leave(ann.token)
    run_consumers(chat)
    gateway = chat.services.gateway
    assert isinstance(gateway, RecordingGateway)
    assert gateway.closed == [("ann", 4401)]


def test_a_clients_command_id_cannot_stop_the_telling_of_memberships() -> None:
    """Likewise for `ROOM VERSION`."""
    chat, _, bob = lobby()
    bob.send(action="read", id="lobby 4", room="lobby", version=1)
    bob.send(action="leave", room="lobby")
    run_consumers(chat)
    assert chat.services.progress.parked() == []
    kept = chat.services.log.load("u_bob")
    assert isinstance(kept, Person)
    assert kept.part(Memberships).by_room["lobby"] == (None, 4)


def test_the_longest_message_with_all_its_reactions_fits_a_frame() -> None:
    """A message is not cut: what it may have is bounded instead."""
    chat, ann, bob = lobby()
    ann.send(action="post", room="lobby", text="😀" * MAX_TEXT)
    log = chat.services.log
    common: dict[str, Any] = {"at": "", "recorded_at": "", "id": "", "digest": ""}
    events = [
        ReactionAdded(originator_id="lobby", originator_version=version, by=f"u_{version:020d}",
                      message=4, emoji=chr(0x1F600 + version % MAX_EMOJI), **common)
        for version in range(5, 5 + MAX_REACTIONS)
    ]  # fmt: skip
    log.recorder.insert_events(log.stored(events))
    log.evict("lobby")
    run_consumers(chat)
    bob.frames()
    Receiving(chat).receive(bob.connection, '{"action":"sync","id":"1","rooms":{"lobby":null}}')
    gateway = chat.services.gateway
    assert isinstance(gateway, RecordingGateway)
    assert max(len(frame) for frame in gateway.frames["bob"]) <= MAX_FRAME


def test_unread_counts_messages_after_the_mark_and_posting_moves_it() -> None:
    chat, ann, bob = lobby()

    def unread(someone: Someone) -> int:
        run_consumers(chat)
        (room,) = chat.listing.own(someone.user, None, 100)["rooms"]
        number: int = room["unread"]
        return number

    for text in ("one", "two", "three"):
        ann.send(action="post", room="lobby", text=text)
    assert (unread(ann), unread(bob)) == (0, 3)
    bob.send(action="read", room="lobby", version=5)
    assert unread(bob) == 1
    bob.send(action="read", room="lobby", version=4)
    assert unread(bob) == 1
    bob.send(action="post", room="lobby", text="four")
    assert (unread(ann), unread(bob)) == (1, 0)


def test_an_erased_persons_words_are_null_everywhere() -> None:
    chat, ann, bob = lobby()
    bob.send(action="post", room="lobby", text="planted")
    run_consumers(chat)
    ann.frames()
    chat.services.vault.destroy("u_bob")
    messages = chat.reading.messages("lobby", ann.user, None, 10)
    seen = [
        messages,
        chat.reading.events("lobby", ann.user, 0, 100),
        chat.reading.members("lobby", ann.user, "", 10),
        chat.listing.own(ann.user, None, 100),
        chat.listing.directory("u_eve", "", None, 100),
        ann.sync(lobby=None),
        ann.sync(lobby=1),
    ]
    assert "planted" not in orjson.dumps(seen).decode()
    assert messages["messages"][0]["text"] is None
    assert messages["people"] == {"u_bob": None}
