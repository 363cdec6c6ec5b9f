"""`sync`: what a connection missed, in frames that fit, and never a part that looks whole."""

from typing import Any

import pytest

from adapters.memory.gateway import RecordingGateway
from domain.chat import Chat, syncing
from domain.chat.syncing import MAX_EVENTS, SNAPSHOT_MESSAGES
from domain.log import EventLog
from domain.protocol.limits import MAX_FRAME, MAX_TEXT
from tests.support.chat import Someone, memory_chat, person, run_consumers

FIRST = 4
"""The version of the first message; each has the next version."""


def lobby(posts: int = 0, text: str = "", folded: bool = True) -> tuple[Chat, Someone, Someone]:
    """Ann owns the lobby; Bob is in it and posted messages."""
    chat = memory_chat()
    ann, bob = person(chat, "ann"), person(chat, "bob")
    ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
    bob.send(action="join", room="lobby")
    for number in range(posts):
        bob.send(action="post", room="lobby", text=f"{number} {text}")
    if folded:
        run_consumers(chat)
    for someone in (ann, bob):
        someone.frames()
    return chat, ann, bob


def told(someone: Someone, room: str = "lobby", held: int | None = None) -> list[dict[str, Any]]:
    """Returns the parts of a room's answer; each frame fits the wire."""
    gateway = someone.chat.services.gateway
    assert isinstance(gateway, RecordingGateway)
    frames = [f for f in someone.sync(**{room: held}) if f["type"] == "synced"]
    assert [frame.get("more", False) for frame in frames] == [True] * (len(frames) - 1) + [False]
    assert len({frame["id"] for frame in frames}) == 1
    return [frame["rooms"][room] for frame in frames]


def versions(parts: list[dict[str, Any]]) -> list[int]:
    return [event["version"] for part in parts for event in part["events"]]


@pytest.mark.parametrize("folded", [True, False])
@pytest.mark.parametrize("held", [0, 1, 3, 4, 8, 9])
def test_who_is_behind_gets_what_is_missing(folded: bool, held: int) -> None:
    _, ann, _ = lobby(6, folded=folded)
    parts = told(ann, held=held)
    assert versions(parts) == list(range(held + 1, 10))
    assert [part["complete"] for part in parts] == [True]
    assert [part["head"] for part in parts] == [9]
    assert parts[0]["online"] == ["u_ann"]
    authors = {event["by"] for event in parts[0]["events"]}
    assert parts[0]["people"] == {user: user.removeprefix("u_") for user in authors}


@pytest.mark.parametrize("folded", [True, False])
@pytest.mark.parametrize("held", [None, 10, 1_000])
def test_who_has_nothing_or_what_never_was_begins_anew(folded: bool, held: int | None) -> None:
    _, ann, _ = lobby(6, folded=folded)
    (answer,) = told(ann, held=held)
    snapshot = answer["snapshot"]
    assert (answer["head"], answer["complete"], "events" in answer) == (9, False, False)
    assert [message["version"] for message in snapshot["messages"]] == list(range(FIRST, 10))
    facts = {name: snapshot[name] for name in ("version", "name", "kind", "role", "member_count")}
    assert facts == {
        "version": 9, "name": "Lobby", "kind": "public", "role": "owner", "member_count": 2,
    }  # fmt: skip
    assert (snapshot["unread"], snapshot["people"]) == (6, {"u_bob": "bob"})
    assert "facts" not in snapshot, "nothing is pinned"


def test_beyond_a_bound_a_snapshot_is_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syncing, "MAX_EVENTS", 5)
    assert MAX_EVENTS == 500
    _, ann, _ = lobby(6)
    assert versions(told(ann, held=9 - 5)) == [5, 6, 7, 8, 9]
    assert "snapshot" in told(ann, held=9 - 6)[0]


def test_a_snapshot_has_the_newest_messages() -> None:
    _, ann, _ = lobby(SNAPSHOT_MESSAGES + 3)
    (answer,) = told(ann)
    found = [message["version"] for message in answer["snapshot"]["messages"]]
    assert found == list(range(FIRST + 3, FIRST + 3 + SNAPSHOT_MESSAGES))
    assert answer["snapshot"]["unread"] == SNAPSHOT_MESSAGES + 3


def test_long_texts_come_in_parts_and_only_the_last_one_is_whole() -> None:
    _, ann, _ = lobby(20, "x" * (MAX_TEXT - 10))
    parts = told(ann, held=3)
    assert len(parts) > 2
    assert versions(parts) == list(range(FIRST, FIRST + 20))
    assert [part["complete"] for part in parts] == [False] * (len(parts) - 1) + [True]
    assert {part["head"] for part in parts} == {FIRST + 19}
    assert [part["people"] for part in parts] == [{"u_bob": "bob"}] * len(parts)
    assert ["online" in part for part in parts] == [False] * (len(parts) - 1) + [True]
    # A snapshot is one part: the newest that fit.
    (answer,) = told(ann)
    found = [message["version"] for message in answer["snapshot"]["messages"]]
    assert found == list(range(FIRST + 20 - len(found), FIRST + 20))
    assert 3 < len(found) < 20
    assert len(found) * MAX_TEXT < MAX_FRAME


@pytest.mark.parametrize("posts", range(6, 10))
def test_a_short_part_behind_a_long_one_takes_none_of_it_away(posts: int) -> None:
    _, ann, bob = lobby(posts, "x" * (MAX_TEXT - 10))
    bob.send(action="post", room="lobby", text="short")
    parts = told(ann, held=3)
    assert versions(parts) == list(range(FIRST, FIRST + posts + 1))
    assert parts[-1]["complete"]


def test_several_rooms_share_frames_until_they_are_full() -> None:
    chat, ann, _ = lobby(6, "x" * 3_000)
    for number in range(4):
        ann.send(action="create_room", room=f"room-{number}", name="R", kind="public")
        ann.send(action="post", room=f"room-{number}", text="y" * 3_900)
        ann.send(action="post", room=f"room-{number}", text="z" * 3_900)
    wanted: dict[str, int | None] = {f"room-{number}": 0 for number in range(4)}
    frames = [f for f in ann.sync(lobby=3, **wanted, nowhere=None) if f["type"] == "synced"]
    assert 1 < len(frames) < 6
    assert [frame.get("more", False) for frame in frames] == [True] * (len(frames) - 1) + [False]
    rooms: dict[str, list[int]] = {}
    for frame in frames:
        for room, part in frame["rooms"].items():
            found = rooms.setdefault(room, [])
            found += [event["version"] for event in part.get("events", ())]
    assert rooms == {
        "lobby": list(range(FIRST, FIRST + 6)),
        **{f"room-{number}": [1, 2, 3, 4] for number in range(4)},
        "nowhere": [],
    }
    assert frames[-1]["rooms"]["nowhere"] == {"error": "not_found"}
    assert chat.services.connections.in_room_of("u_ann", "room-3")


def test_small_rooms_share_a_frame_behind_a_full_one_too() -> None:
    _, ann, _ = lobby(7, "x" * (MAX_TEXT - 10))
    small: dict[str, int | None] = {f"room-{number}": 0 for number in range(9)}
    for room in small:
        ann.send(action="create_room", room=room, name="R", kind="public")
    frames = [f for f in ann.sync(lobby=3, **small) if f["type"] == "synced"]
    rooms = [room for frame in frames for room in frame["rooms"]]
    assert sorted(set(rooms)) == ["lobby", *small]
    assert len(frames) == rooms.count("lobby")


def test_what_one_may_not_see_is_not_subscribed_to() -> None:
    chat, ann, bob = lobby()
    den = "den-222222222222"
    (ack, *_) = ann.send(action="create_room", room=den, name="Den", kind="private")
    assert ack["type"] == "ack"
    for room in (den, "nowhere"):
        assert told(bob, room) == told(bob, room, 3) == [{"error": "not_found"}]
        assert list(chat.services.connections.in_room(room)) == []
    assert told(ann, den)[0]["snapshot"]["role"] == "owner"
    assert list(chat.services.connections.in_room(den)) == ["ann"]


def test_who_is_removed_while_it_is_read_is_not_left_subscribed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between the look at the membership and the subscription the room goes on."""
    chat, ann, bob = lobby()
    den = "den-222222222222"
    ann.send(action="create_room", room=den, name="Den", kind="private")
    ann.send(action="add_member", room=den, user="u_bob")
    run_consumers(chat)
    bob.send(action="join", room=den)
    assert "snapshot" in told(bob, den)[0]
    again = bob.another("bob-2")
    subscribe = chat.services.connections.subscribe

    def removing(connection: str, room: str, version: int = 0) -> bool:
        first = subscribe(connection, room, version)
        ann.send(action="remove_member", room=den, user="u_bob")
        return first

    monkeypatch.setattr(chat.services.connections, "subscribe", removing)
    assert told(again, den) == [{"error": "not_found"}]
    assert list(chat.services.connections.in_room(den)) == []


def test_others_hear_of_the_first_connection_in_a_room() -> None:
    chat, ann, bob = lobby()
    told(ann)
    ann.frames()
    assert told(bob)[0]["online"] in (["u_ann", "u_bob"], ["u_bob", "u_ann"])
    online = {"type": "presence", "room": "lobby", "user": "u_bob", "state": "online"}
    assert ann.frames() == [online]
    told(bob)
    told(bob.another("bob-2"))
    assert ann.frames() == [], "they are there already"
    assert sorted(chat.services.connections.in_room("lobby")) == ["ann", "bob", "bob-2"]


def test_ones_own_log_comes_before_the_rooms() -> None:
    chat, ann, _ = lobby()
    head = chat.services.log.head("u_ann")
    own, synced = ann.send(action="sync", rooms={"lobby": None}, user=1)
    assert (own["type"], own["version"]) == ("user", head)
    assert [event["version"] for event in own["events"]] == list(range(2, head + 1))
    assert synced["type"] == "synced"
    (only,) = ann.send(action="sync", rooms={"lobby": None}, user=head)
    assert only["type"] == "synced"


def test_an_event_that_cannot_be_read_is_gone_past_by_a_snapshot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, ann, _ = lobby(3)
    events = EventLog.events

    def damaged(log: EventLog, log_id: str, **more: Any) -> Any:
        if log_id == "lobby" and more.get("after") == 4:
            raise ValueError("damaged")
        return events(log, log_id, **more)

    monkeypatch.setattr(EventLog, "events", damaged)
    assert "snapshot" in told(ann, held=4)[0]
    assert versions(told(ann, held=5)) == [6]


def test_a_snapshot_opens_only_messages_that_it_has_space_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chat, ann, _ = lobby(50, text="x" * (MAX_TEXT - 10))
    opened: list[Any] = []
    vault = type(chat.services.vault)
    real = vault.open

    def counting(self: Any, sealed: Any) -> str | None:
        opened.append(sealed)
        return real(self, sealed)

    monkeypatch.setattr(vault, "open", counting)
    (part,) = told(ann)
    shown = len(part["snapshot"]["messages"])
    assert 0 < shown < 10
    # The message that did not fit, the room's name and the author's.
    assert len(opened) <= shown + 3
