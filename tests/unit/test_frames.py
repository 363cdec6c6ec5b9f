"""Server frames: their shapes, and never more than 32 KB."""

from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.memory.gateway import RecordingGateway
from domain.chat import Chat, frames
from domain.chat.receiving import Receiving
from domain.errors import Internal, ParleyError
from domain.protocol.limits import MAX_FRAME, MAX_NICKNAME, MAX_TEXT
from domain.protocol.server import server_frame
from tests.support.chat import Someone, memory_chat, person, run_consumers, shown

PARTS = st.lists(st.binary(min_size=1, max_size=60), max_size=60)


@given(PARTS, st.integers(1, 200))
def test_chunks_keep_all_parts_in_order_and_fill_each_run(parts: list[bytes], budget: int) -> None:
    runs = [list(run) for run in frames.chunks(parts, budget)]
    assert [part for run in runs for part in run] == parts
    assert all(runs)
    for run in runs:
        assert len(run) == 1 or sum(len(part) + 1 for part in run) <= budget
    for run, following in pairwise(runs):
        assert sum(len(part) + 1 for part in [*run, following[0]]) > budget


@given(
    st.lists(st.tuples(st.binary(min_size=1, max_size=60), st.sampled_from("abcd")), max_size=60)
)
def test_each_run_leaves_room_for_the_names_of_its_own_authors(
    written: list[tuple[bytes, str]],
) -> None:
    budget = 2 * frames.NAME_BYTES + 150
    parts, authors = [part for part, _ in written], [author for _, author in written]
    runs = [list(run) for run in frames.chunks(parts, budget, authors)]
    assert [part for run in runs for part in run] == parts

    def weight(first: int, last: int) -> int:
        names = len(set(authors[first:last])) * frames.NAME_BYTES
        return sum(len(part) + 1 for part in parts[first:last]) + names

    done = 0
    for run in runs:
        until = done + len(run)
        assert len(run) == 1 or weight(done, until) <= budget
        assert until == len(parts) or weight(done, until + 1) > budget
        done = until


def errors(kind: type[ParleyError] = ParleyError) -> list[type[ParleyError]]:
    found = [kind, *(one for below in kind.__subclasses__() for one in errors(below))]
    # Operations have some of their own, which no client meets.
    return [one for one in found if one.__module__ == ParleyError.__module__]


@pytest.mark.parametrize("error", [*errors()[1:], Internal], ids=lambda error: error.__name__)
def test_every_error_is_of_the_wires_shape(error: type[ParleyError]) -> None:
    assert shown(frames.error(error(), "1")) == {
        "type": "error", "id": "1", "code": error.code, "message": error.default,
    }  # fmt: skip
    assert "id" not in shown(frames.error(error(), None))


def test_small_frames() -> None:
    assert shown(frames.PONG) == {"type": "pong"}
    assert shown(frames.ack('"\\', "lobby", 7)) == {
        "type": "ack", "id": '"\\', "room": "lobby", "version": 7,
    }  # fmt: skip
    assert shown(frames.presence("lobby", "u_ann", "online"))["state"] == "online"
    assert shown(frames.typing("lobby", "u_ann"))["user"] == "u_ann"


def wire_event(version: int, text: str, by: str = "u_ann") -> dict[str, Any]:
    return {
        "version": version,
        "type": "MessagePosted",
        "at": "2026-01-02T03:04:05.000000+00:00",
        "by": by,
        "data": {"text": text, "kind": "text", "n": version, "reply_to": None},
        "id": '"' * 64,
    }


def held(parts: list[bytes]) -> list[dict[str, Any]]:
    for part in parts:
        assert len(part) <= MAX_FRAME
        server_frame.validate_json(part)
    return [orjson.loads(part) for part in parts]


@pytest.mark.parametrize("char", ["a", '"', "é", "漢", "😀", "\n"], ids=ascii)
def test_events_of_the_longest_texts_fit(char: str) -> None:
    events = [wire_event(version, char * MAX_TEXT) for version in range(1, 21)]
    parts = [orjson.dumps(event) for event in events]
    pushed = held(
        list(frames.events("r" * 64, parts, ["u_ann"] * 20, {"u_ann": "😀" * MAX_NICKNAME}))
    )
    assert [event for frame in pushed for event in frame["events"]] == events


def test_small_events_share_a_frame() -> None:
    parts = [orjson.dumps(wire_event(version, "hi")) for version in range(1, 101)]
    assert len(held(list(frames.events("lobby", parts, ["u_ann"] * 100, {"u_ann": "Ann"})))) == 1


@pytest.mark.parametrize("char", ["😀", "\n", '"'], ids=ascii)
def test_events_of_many_authors_fit_and_name_their_own(char: str) -> None:
    users = ["u_" + f"{number:032d}" for number in range(300)]
    parts = [orjson.dumps(wire_event(v, "hi", user)) for v, user in enumerate(users, 1)]
    people: dict[str, str | None] = dict.fromkeys(users, char * MAX_NICKNAME)
    pushed = held(list(frames.events("r" * 64, parts, users, people)))
    for frame in pushed:
        assert set(frame["people"]) == {event["by"] for event in frame["events"]}
    assert [event["by"] for frame in pushed for event in frame["events"]] == users


@pytest.mark.parametrize("count", [0, 1, 500])
def test_the_own_log_is_cut_too(count: int) -> None:
    events = [
        {
            "version": version,
            "type": "ReadMarked",
            "at": "2026-01-02T03:04:05.000000+00:00",
            "by": "u_" + "a" * 13,
            "data": {"room": "r" * 64, "version": version},
            "id": '"' * 64,
        }
        for version in range(1, count + 1)
    ]
    pushed = held(list(frames.user(events)))
    assert [event for frame in pushed for event in frame["events"]] == events
    assert all(frame["version"] == frame["events"][-1]["version"] for frame in pushed)


# What the use cases send


def sent(chat: Chat) -> list[bytes]:
    gateway = chat.services.gateway
    assert isinstance(gateway, RecordingGateway)
    return [frame for posted in gateway.frames.values() for frame in posted]


def lobby() -> tuple[Chat, Someone, Someone]:
    chat = memory_chat()
    ann, bob = person(chat, "ann"), person(chat, "bob")
    ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
    bob.send(action="join", room="lobby")
    run_consumers(chat)
    ann.frames(), bob.frames()
    return chat, ann, bob


EVERYTHING: tuple[dict[str, Any], ...] = (
    {"action": "post", "text": "one"},
    {"action": "post", "text": "two", "reply_to": 4, "kind": "action"},
    {"action": "edit", "version": 4, "text": "uno"},
    {"action": "react", "version": 4, "emoji": "👍"},
    {"action": "unreact", "version": 4, "emoji": "👍"},
    {"action": "delete", "version": 4},
    {"action": "read", "version": 5},
    {"action": "set_role", "user": "u_bob", "role": "moderator"},
    {"action": "remove_member", "user": "u_bob"},
    {"action": "add_member", "user": "u_bob"},
    {"action": "typing"},
    {"action": "edit", "version": 99, "text": "uno"},
)


def test_every_frame_that_is_sent_is_of_the_wires_shape() -> None:
    """`Someone.frames` holds each against the models; every type comes up."""
    chat, ann, bob = lobby()
    second = bob.another("bob-2")
    seen = [*ann.sync(lobby=None, nowhere=None), *bob.sync(lobby=3), *second.sync(lobby=1)]
    for frame in EVERYTHING:
        seen += ann.send(room="lobby", **frame)
        run_consumers(chat)
        seen += [*ann.frames(), *bob.frames(), *second.frames()]
        seen += bob.sync(lobby=1)
    seen += bob.send(action="sync", rooms={}, user=0)
    seen += ann.send(action="ping")
    assert {frame["type"] for frame in seen} == {
        "ack", "error", "events", "user", "synced", "presence", "typing", "pong",
    }  # fmt: skip


def posted(chat: Chat, someone: Someone, texts: list[str]) -> None:
    for text in texts:
        (answer,) = someone.send(action="post", room="lobby", text=text)
        assert answer["type"] == "ack"
    run_consumers(chat)


def test_a_sync_of_long_texts_comes_in_frames_that_fit() -> None:
    chat, ann, bob = lobby()
    posted(chat, ann, ["😀" * MAX_TEXT] * 5 + ["hi"] * 10)
    bob.send(action="sync", id='"' * 64, rooms={"lobby": 1})
    bob.send(action="sync", id="2", rooms={"lobby": None})
    Receiving(chat).receive(
        bob.connection, '{"action":"sync","id":"3","rooms":{"lobby":3,"nowhere":1}}'
    )
    assert all(len(frame) <= MAX_FRAME for frame in sent(chat))


def test_only_the_last_frame_of_an_answer_is_whole() -> None:
    chat, ann, bob = lobby()
    posted(chat, ann, ["😀" * MAX_TEXT] * 5)
    answer = bob.sync(lobby=1)
    parts = [frame["rooms"]["lobby"] for frame in answer]
    assert len(parts) > 2
    assert [frame.get("more", False) for frame in answer] == [True] * (len(parts) - 1) + [False]
    assert [part["complete"] for part in parts] == [False] * (len(parts) - 1) + [True]
    versions = [event["version"] for part in parts for event in part["events"]]
    assert versions == list(range(2, 9))


def test_many_rooms_are_packed_into_frames_that_fit() -> None:
    chat = memory_chat()
    ann = person(chat, "ann")
    rooms = [f"{number:02d}-" + "r" * 61 for number in range(40)]
    for room in rooms:
        ann.send(action="create_room", room=room, name="😀" * 80, kind="public")
        for text in ("😀" * 300, "hi"):
            ann.send(action="post", room=room, text=text)
    run_consumers(chat)
    ann.frames()
    for held_version in (None, 1):
        body = {"action": "sync", "id": "\\" * 64, "rooms": dict.fromkeys(rooms, held_version)}
        Receiving(chat).receive(ann.connection, orjson.dumps(body).decode())
        assert all(len(frame) <= MAX_FRAME for frame in sent(chat))
        answers = ann.frames()
        assert sorted(room for answer in answers for room in answer["rooms"]) == rooms


def crowd(count: int) -> tuple[Chat, Someone, Someone]:
    """A room where each of many people with long names posted once."""
    chat, ann, bob = lobby()
    people = [person(chat, f"p{number:012d}", "😀" * MAX_NICKNAME) for number in range(count)]
    for someone in people:
        someone.send(action="join", room="lobby")
    for someone in people:
        someone.send(action="post", room="lobby", text="hello to all of you in here")
    run_consumers(chat)
    sent_before = chat.services.gateway
    assert isinstance(sent_before, RecordingGateway)
    sent_before.frames.clear()
    return chat, ann, bob


@pytest.mark.parametrize("since", [None, 113])
def test_a_sync_of_many_authors_fits(since: int | None) -> None:
    chat, ann, _ = crowd(110)
    rooms = {"lobby": since}
    frame = {"action": "sync", "id": "1", "rooms": rooms}
    Receiving(chat).receive(ann.connection, orjson.dumps(frame).decode())
    assert max(len(frame) for frame in sent(chat)) <= MAX_FRAME
