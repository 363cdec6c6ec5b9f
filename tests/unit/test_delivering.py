"""Delivery to connections that come and go, and the sweep of those that nobody told of.

Over 300 lines: one consumer, with connections and cursors that fail in each possible place.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest

from adapters.dynamodb.connections import STALE, DynamoConnections
from adapters.dynamodb.cursors import DynamoCursors
from adapters.dynamodb.table import Table
from adapters.memory.connections import MemoryConnections
from adapters.memory.gateway import InlineBackground, RecordingGateway
from domain.chat import Chat
from domain.chat.delivering import NAME_BYTES, NAMES_LIFE, YOUNG_PAUSE, Deliver
from domain.claiming import ProcessCursors
from domain.consumer import Transient
from domain.consuming import MAX_RECEIVES, Record
from domain.errors import Throttled
from domain.ports.connections import Connection
from domain.room.membership import MemberRenamed
from functions import bootstrap
from functions.sweep import SPARE, handler
from tests.support.chat import Someone, admit, memory_chat, person, records, run_consumers
from tests.support.dynamodb import counting


class Connections(MemoryConnections):
    """Connections of which some are young."""

    def __init__(self) -> None:
        super().__init__()
        self.new: set[str] = set()

    def young(self, connection_ids: Sequence[str]) -> Sequence[str]:
        return [one for one in connection_ids if one in self.new]


def gateway_of(chat: Chat) -> RecordingGateway:
    gateway = chat.services.gateway
    assert isinstance(gateway, RecordingGateway)
    return gateway


def lobby(chat: Chat) -> tuple[Someone, Someone]:
    """Has Ann and Bob in the lobby, synced and up to date."""
    ann, bob = person(chat, "ann"), person(chat, "bob")
    ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
    bob.send(action="join", room="lobby")
    run_consumers(chat)
    for someone in (ann, bob):
        someone.sync(lobby=None)
    gateway_of(chat).frames.clear()
    return ann, bob


def checks(chat: Chat) -> list[tuple[str, list[str]]]:
    background = chat.services.background
    assert isinstance(background, InlineBackground)
    return background.checks


def test_a_connection_that_is_gone_is_forgotten_and_the_others_get_theirs() -> None:
    chat = memory_chat()
    ann, _ = lobby(chat)
    gateway_of(chat).gone.add("bob")
    ann.send(action="post", room="lobby", text="one")
    run_consumers(chat)
    assert chat.services.connections.in_room("lobby") == ["ann"]
    assert [frame["type"] for frame in ann.frames()] == ["events"]
    assert checks(chat) == [("u_bob", ["lobby"])]


def test_a_connection_that_a_persons_own_log_meets_as_gone_is_forgotten_too() -> None:
    chat = memory_chat()
    _, bob = lobby(chat)
    gateway_of(chat).gone.add("bob")
    bob.send(action="read", room="lobby", version=1)
    run_consumers(chat)
    assert chat.services.connections.of_user("u_bob") == []


def test_a_connection_that_cannot_be_forgotten_now_has_nobody_get_a_frame_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chat = memory_chat()
    ann, _ = lobby(chat)
    gateway_of(chat).gone.add("bob")
    ann.send(action="post", room="lobby", text="one")
    with monkeypatch.context() as busy:
        busy.setattr(MemoryConnections, "close", throttled)
        run_consumers(chat)
    assert len(ann.frames()) == 1
    ann.send(action="post", room="lobby", text="two")
    run_consumers(chat)
    assert chat.services.connections.in_room("lobby") == ["ann"]


def throttled(*_: Any) -> None:
    raise Throttled


def young_lobby(gone: set[str]) -> tuple[Chat, list[float]]:
    """Has one message delivered while Bob's connection is young; it is there after a pause
    unless it is `gone`."""
    connections = Connections()
    made = memory_chat()
    chat = Chat(replace(made.services, connections=connections))
    ann, _ = lobby(chat)
    gateway, pauses = gateway_of(chat), []
    connections.new.add("bob")
    gateway.gone.add("bob")

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        gateway.gone = gone

    deliver = Deliver(chat.services, pause)
    ann.send(action="post", room="lobby", text="one")
    gateway.frames.clear()
    deliver.apply("lobby", chat.services.log.events("lobby", after=3))
    return chat, pauses


def test_a_young_connection_is_tried_once_more() -> None:
    chat, pauses = young_lobby(gone=set())
    assert pauses == [YOUNG_PAUSE]
    assert {id: len(sent) for id, sent in gateway_of(chat).frames.items()} == {"ann": 1, "bob": 1}
    assert sorted(chat.services.connections.in_room("lobby")) == ["ann", "bob"]


def test_a_young_connection_that_is_gone_still_is_forgotten() -> None:
    chat, pauses = young_lobby(gone={"bob"})
    assert pauses == [YOUNG_PAUSE]
    assert chat.services.connections.in_room("lobby") == ["ann"]


class Durable(ProcessCursors):
    durable = True


def renamed(chat: Chat, name: str) -> None:
    """Puts a new name of Ann's into the log, which another process delivers."""
    log = chat.services.log
    event = MemberRenamed(
        originator_id="lobby", originator_version=log.head("lobby") + 1, by="u_ann", at="",
        recorded_at="", id="", digest="", user="u_ann",
        name=chat.services.vault.seal("u_ann", name),
    )  # fmt: skip
    log.recorder.insert_events(log.stored([event]))
    log.evict("lobby")


def test_a_name_that_another_process_heard_of_is_known_before_long() -> None:
    made = memory_chat()
    now = [1_000.0]
    services = replace(made.services, cursors=Durable(), seconds=lambda: now[0])
    chat = Chat(services)
    ann, _ = lobby(chat)
    deliver = Deliver(services)

    def name_shown() -> str:
        ann.send(action="post", room="lobby", text="one")
        gateway_of(chat).frames.clear()
        deliver.apply("lobby", services.log.events("lobby")[-1:])
        (frame,) = gateway_of(chat).frames["bob"]
        shown: str = orjson.loads(frame)["people"]["u_ann"]
        return shown

    assert name_shown() == "ann"
    renamed(chat, "Anna")
    assert name_shown() == "ann"
    now[0] += NAMES_LIFE + 1
    assert name_shown() == "Anna"


class Clock:
    def __init__(self) -> None:
        self.now = 1_767_323_045.0

    def __call__(self) -> float:
        return self.now


def test_a_batch_for_a_room_costs_one_query_and_one_write(
    dynamo: Any, tables: dict[str, str], no_scan: None
) -> None:
    made = memory_chat()
    connections = DynamoConnections(Table(dynamo, tables["connections"]))
    cursors = DynamoCursors(Table(dynamo, tables["progress"]))
    chat = Chat(replace(made.services, connections=connections, cursors=cursors))
    ann, bob = lobby(chat)
    ann.send(action="post", room="lobby", text="one")
    run_consumers(chat, ["deliver"])
    for text in ("two", "three"):
        ann.send(action="post", room="lobby", text=text)
    gateway_of(chat).frames.clear()
    with counting(dynamo) as calls:
        run_consumers(chat, ["deliver"])
    assert sorted(calls) == ["Query", "UpdateItem"]
    (frame,) = bob.frames()
    assert [event["version"] for event in frame["events"]] == [5, 6]
    with counting(dynamo) as calls:
        chat.apply_records("deliver", [record for _, record in records(chat)][-2:])
    assert calls == ["UpdateItem"]
    assert bob.frames() == []


class Context:
    """A Lambda context in which each look at the time costs a second."""

    function_name = "sweep"
    memory_limit_in_mb = 128
    invoked_function_arn = "arn:aws:lambda:eu-central-1:000000000000:function:test"
    aws_request_id = "00000000-0000-4000-8000-000000000000"

    def __init__(self, seconds: int) -> None:
        self._left = (seconds * 1_000 for seconds in range(seconds, 0, -1))

    def get_remaining_time_in_millis(self) -> int:
        return next(self._left)


def swept(chat: Chat, seconds: int) -> dict[str, Any]:
    bootstrap.use(chat)
    try:
        answer: dict[str, Any] = handler({}, Context(seconds))  # type: ignore[arg-type]
    finally:
        bootstrap.use(None)
    return answer


def test_a_sweep_closes_what_nobody_told_of_in_the_time_there_is(
    dynamo: Any, tables: dict[str, str]
) -> None:
    clock = Clock()
    made = memory_chat()
    connections = DynamoConnections(Table(dynamo, tables["connections"]), clock)
    chat = Chat(replace(made.services, connections=connections, seconds=clock))
    lobby(chat)
    for n in range(3):
        person(chat, f"more{n}")
    clock.now += STALE + 1
    late = person(chat, "late")
    assert swept(chat, SPARE // 1_000 + 2) == {"connections": 2, "accounts": 0, "events": 0}
    assert swept(chat, 60) == {"connections": 3, "accounts": 0, "events": 0}
    assert {user for user, _ in checks(chat)} == {
        "u_ann", "u_bob", "u_more0", "u_more1", "u_more2",
    }  # fmt: skip
    assert ("u_ann", ["lobby"]) in checks(chat)
    assert connections.of_user(late.user) == ["late"]
    assert swept(chat, 60) == {"connections": 0, "accounts": 0, "events": 0}


def given_up(chat: Chat, after: int) -> None:
    """Has what was appended since be delivered to nobody, until it is given up."""
    gateway, todo = gateway_of(chat), records(chat, after)
    post = gateway.post

    def silent(connection_ids: Sequence[str], frame: bytes) -> list[str]:
        raise Transient("no answer")

    gateway.post = silent  # type: ignore[method-assign]
    for receives in range(1, MAX_RECEIVES + 1):
        chat.apply_records("deliver", [Record(one.id, one.body, receives) for _, one in todo])
    gateway.post = post  # type: ignore[method-assign]
    chat.services.progress.advance("deliver", todo[-1][0])
    assert {parked.consumer for parked in chat.services.progress.parked()} == {"deliver"}


def test_a_removal_whose_push_is_given_up_ends_the_pushes_all_the_same() -> None:
    chat = memory_chat()
    ann, bob = lobby(chat)
    after = chat.services.progress.position("deliver")
    ann.send(action="remove_member", room="lobby", user=bob.user)
    given_up(chat, after)
    assert chat.services.connections.in_room("lobby") == ["ann"]


def test_who_may_not_read_on_is_unsubscribed_where_an_event_is_gone_past() -> None:
    chat = memory_chat()
    ann, bob = person(chat, "ann"), person(chat, "bob")
    room = "den-abcdefghijkl"
    ann.send(action="create_room", room=room, name="Den", kind="private")
    admit(ann, bob, room)
    run_consumers(chat)
    for someone in (ann, bob):
        someone.send(action="sync", rooms={room: None})
    ann.send(action="remove_member", room=room, user=bob.user)
    # As where the event itself could not be read.
    chat.consuming["deliver"].consumer.skip(room, chat.services.log.head(room))
    assert chat.services.connections.in_room(room) == ["ann"]


def test_sockets_of_a_session_whose_end_is_given_up_are_closed_all_the_same() -> None:
    chat = memory_chat()
    ann, bob = lobby(chat)
    after = chat.services.progress.position("deliver")
    chat.sessions.leave(bob.token)
    given_up(chat, after)
    assert gateway_of(chat).closed == [("bob", 4401)]
    assert ann.connection.id not in [one for one, _ in gateway_of(chat).closed]


def versions_of(someone: Someone) -> list[int]:
    """Takes the versions of the room's events that somebody was pushed."""
    frames = [frame for frame in someone.frames() if frame["type"] == "events"]
    return [event["version"] for frame in frames for event in frame["events"]]


def test_who_came_back_hears_on_although_their_leaving_is_delivered_late() -> None:
    chat = memory_chat()
    ann, bob = lobby(chat)
    bob.send(action="leave", room="lobby")
    bob.send(action="join", room="lobby")
    bob.sync(lobby=None)
    run_consumers(chat)
    assert sorted(chat.services.connections.in_room("lobby")) == ["ann", "bob"]
    versions_of(bob)
    ann.send(action="post", room="lobby", text="hello")
    run_consumers(chat)
    assert versions_of(bob) == [chat.services.log.head("lobby")]


def test_in_a_run_everybody_gets_each_event_once_and_who_is_removed_none_after_that() -> None:
    chat = memory_chat()
    ann, bob = lobby(chat)
    head = chat.services.log.head("lobby")
    ann.send(action="post", room="lobby", text="before")
    ann.send(action="remove_member", room="lobby", user=bob.user)
    ann.send(action="post", room="lobby", text="after")
    gateway_of(chat).frames.clear()
    run_consumers(chat)
    assert versions_of(ann) == [head + 1, head + 2, head + 3]
    assert versions_of(bob) == [head + 1, head + 2]


def test_a_connection_that_is_gone_is_not_tried_with_the_frames_that_follow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chat = memory_chat()
    ann, _ = lobby(chat)
    for _ in range(3):
        ann.send(action="post", room="lobby", text="😀" * 4_000)
    gateway, tried = gateway_of(chat), list[list[str]]()
    gateway.frames.clear()
    gateway.gone.add("bob")
    post = gateway.post

    def noting(connection_ids: Sequence[str], frame: bytes) -> list[str]:
        tried.append(sorted(connection_ids))
        return post(connection_ids, frame)

    monkeypatch.setattr(gateway, "post", noting)
    run_consumers(chat, ["deliver"])
    assert tried == [["ann", "bob"], ["ann"], ["ann"]]
    assert len(checks(chat)) == 1


def test_guests_of_an_open_room_hear_on_where_an_event_is_gone_past() -> None:
    chat = memory_chat()
    ann, _ = lobby(chat)
    guest = person(chat, "guest")
    guest.sync(lobby=None)
    ann.send(action="post", room="lobby", text="damaged")
    chat.consuming["deliver"].consumer.skip("lobby", chat.services.log.head("lobby"))
    assert "guest" in chat.services.connections.in_room("lobby")


def test_other_sessions_stay_open_where_the_end_of_one_is_gone_past() -> None:
    chat = memory_chat()
    _, bob = lobby(chat)
    token = chat.sessions.start(bob.user)
    session = chat.sessions.who(token).session
    chat.services.connections.open(Connection("tab", bob.user, session))
    chat.sessions.leave(bob.token)
    chat.consuming["deliver"].consumer.skip(bob.user, chat.services.log.head(bob.user))
    assert gateway_of(chat).closed == [("bob", 4401)]


def test_names_that_are_remembered_are_bounded_and_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Deliver, "NAMES", 5)
    chat = memory_chat()
    lobby(chat)
    deliver = Deliver(chat.services)
    for number in range(20):
        other = person(chat, f"other{number}")
        other.send(action="join", room="lobby")
        deliver.apply("lobby", chat.services.log.events("lobby")[-1:])
        remembered = deliver._known("lobby")
        assert other.user in remembered
        assert len(remembered) <= 5 + 2
        assert deliver._names.bytes == NAME_BYTES * (1 + len(remembered))
