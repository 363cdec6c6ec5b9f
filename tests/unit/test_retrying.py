"""Late retries: found at any age, at a bounded cost, for those who belong to the room alone.

Over 300 lines: one search for late retries, in rooms whose history takes long to make.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.memory.events import MemoryEvents
from adapters.memory.gateway import InlineBackground
from adapters.memory.limiter import TokenBuckets
from adapters.sqlite.command_index import SqliteCommandIndex
from adapters.sqlite.views_file import open_views
from domain import retrying
from domain.aggregate import Command
from domain.chat import Chat, commanding
from domain.chat.commanding import SEARCHES
from domain.errors import BeyondWindow, RoomBusy
from domain.log import EventLog
from domain.ports.background import Work
from domain.ports.commands import CommandIndex, Reply
from domain.retrying import SEGMENT, Retrying, fingerprint, index_id
from domain.room.messages import MessagePosted
from tests.support.aggregates import happened, sealed, stand
from tests.support.chat import Someone, memory_chat, person, run_consumers


class CountingEvents(MemoryEvents):
    """Counts the events that were read."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0

    def select_events(self, *arguments: Any, **more: Any) -> Any:
        found = super().select_events(*arguments, **more)
        self.read += len(found)
        return found


def large(count: int, **ports: Any) -> tuple[Chat, CountingEvents, Someone, Someone]:
    """Returns a room `old` of Ann's, where `early` was posted at 3 and `count` events follow."""
    recorder = CountingEvents()
    chat = memory_chat(recorder=recorder, **ports)
    ann, eve = person(chat, "ann"), person(chat, "eve")
    ann.send(action="create_room", room="old", name="Old", kind="public")
    ann.send(action="post", id="early", room="old", text="first", since=2)
    extend(chat, 4, 3 + count)
    run_consumers(chat)
    ann.frames()
    log = chat.services.log
    log.evict("old")
    log.save_snapshot(log.checkpoint(log.load("old")))
    log.evict("old")
    recorder.read = 0
    return chat, recorder, ann, eve


def extend(chat: Chat, first: int, last: int) -> None:
    """Appends messages directly, as versions `first` to `last`."""
    log = chat.services.log
    words = sealed("u_ann", "x")
    events = [
        stand(
            "old",
            version,
            happened(
                MessagePosted,
                "u_ann",
                text=words,
                kind="text",
                n=version - 2,
                reply_to=None,
                notify=[],
            ),
        )
        for version in range(first, last + 1)
    ]
    log.recorder.insert_events(log.stored(events))


def test_a_strangers_frame_searches_nothing() -> None:
    chat, recorder, _, eve = large(5_000)
    # The room itself is folded once; then nothing is read for her, whatever `since` says.
    chat.services.log.load("old")
    eve.send(action="leave", room="old", since=0)
    recorder.read = 0
    for action in ("leave", "post", "set_role", "remove_member"):
        more = {
            "post": {"text": "x"},
            "set_role": {"user": "u_ann", "role": "member"},
            "remove_member": {"user": "u_ann"},
        }.get(action, {})
        eve.send(action=action, room="old", since=0, **more)
    assert recorder.read < 20


def test_a_member_is_answered_as_the_first_time_at_any_age() -> None:
    _, recorder, ann, _ = large(5_000)
    (ack,) = ann.send(action="post", id="early", room="old", text="first", since=2)
    assert (ack["type"], ack["version"]) == ("ack", 3)
    (refused,) = ann.send(action="post", id="early", room="old", text="second", since=2)
    assert refused["code"] == "invalid"
    # The index was made once: a further search reads the log's end and the entries.
    recorder.read = 0
    (ack,) = ann.send(action="post", id="early", room="old", text="first", since=0)
    assert ack["version"] == 3
    assert recorder.read < 2 * SEGMENT
    (ack,) = ann.send(action="post", id="new", room="old", text="new", since=0)
    assert ack["version"] == 5_004


def test_whoever_left_is_answered_too() -> None:
    chat, _, _, eve = large(10)
    eve.send(action="join", id="in", room="old", since=13)
    eve.send(action="leave", id="out", room="old", since=14)
    run_consumers(chat)
    eve.frames()
    extend(chat, 16, 600)
    chat.services.log.evict("old")
    (ack,) = eve.send(action="leave", id="out", room="old", since=14)
    assert ack["version"] == 15


def test_a_search_makes_a_bounded_part_of_the_index_and_the_next_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retrying, "MADE", 1)
    monkeypatch.setattr(commanding, "PIECES", 2)
    chat, recorder, ann, _ = large(7_500)
    answers = []
    for _ in range(4):
        recorder.read = 0
        answers += ann.send(action="post", id="early", room="old", text="first", since=2)
        # Both pieces read what came after the last whole segment.
        assert recorder.read <= 4 * SEGMENT + 10
    assert [answer.get("code", answer.get("version")) for answer in answers] == [
        "room_busy", "room_busy", "room_busy", 3,
    ]  # fmt: skip
    assert chat.services.log.head("old") == 7_503


def test_searches_are_metered() -> None:
    limiter = TokenBuckets(300, burst=100, clock=lambda: 0.0)
    _, _, ann, _ = large(600, limiter=limiter)
    answers = [
        ann.send(action="post", id="early", room="old", text="first", since=2)[0] for _ in range(30)
    ]
    assert [answer["type"] for answer in answers] == ["ack"] * 16 + ["error"] * 14
    assert {answer["code"] for answer in answers[16:]} == {"rate_limited"}


def test_a_command_whose_window_passes_on_each_time_is_searched_for_a_few_times() -> None:
    chat, _, ann, _ = large(10)

    class Running:
        """An executor in whose room so much happens that every search comes too late."""

        tries = 0

        def execute(self, log_id: str, commands: Sequence[Command], reply: Reply) -> None:
            self.tries += 1
            reply([BeyondWindow(0, 0, 0) for _ in commands])

    running = Running()
    busy = replace(ann, chat=Chat(replace(chat.services, executor=running)))
    (answer,) = busy.send(action="post", room="old", text="x", since=0)
    assert (answer["type"], answer["code"]) == ("error", "room_busy")
    assert running.tries == SEARCHES + 1


def test_a_search_is_its_senders_work() -> None:
    chat, _, ann, _ = large(600)
    owners: list[str] = []

    class Owners(InlineBackground):
        def run(self, work: Work, owner: str = "") -> None:
            owners.append(owner)
            super().run(work, owner)

    counted = replace(ann, chat=Chat(replace(chat.services, background=Owners())))
    (ack,) = counted.send(action="post", id="early", room="old", text="first", since=2)
    assert ack["version"] == 3
    assert owners == ["u_ann"]


def test_a_search_that_fails_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any) -> None:
        raise OSError("the disk does not answer")

    _, _, ann, _ = large(600)
    monkeypatch.setattr(Retrying, "find", failing)
    with pytest.raises(OSError, match="answer"):
        ann.send(action="post", id="early", room="old", text="first", since=2)
    (answer,) = ann.frames()
    assert (answer["type"], answer["id"], answer["code"]) == ("error", "early", "internal")


def test_an_entry_is_never_made_of_events_that_are_not_there() -> None:
    log = memory_chat().services.log
    log.recorder.insert_events(stored_commands(["a"] * (SEGMENT - 1)))
    with pytest.raises(RoomBusy):
        Retrying(log).find("room", "u_a", "a", 0, SEGMENT)
    assert log.snapshots.select_events(index_id("room")) == []


def stored_commands(ids: list[str], first: int = 1) -> list[StoredEvent]:
    return [
        StoredEvent(
            "room", version, "t", b'{"by":"u_a","id":"%b","digest":"d%d"}' % (id.encode(), version)
        )
        for version, id in enumerate(ids, first)
    ]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=60),
    st.integers(0, 61),
    st.integers(0, 61),
    st.sampled_from("abcdefgh"),
    st.integers(1, 7),
)
def test_it_finds_what_a_look_at_every_event_finds(
    ids: list[str], after: int, upto: int, wanted: str, segment: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrying, "SEGMENT", segment)
        patch.setattr(retrying, "READ", 3)
        patch.setattr(retrying, "MADE", 100)
        log: EventLog = memory_chat().services.log
        log.recorder.insert_events(stored_commands(ids))
        upto = min(upto, len(ids))
        after = min(after, upto)
        versions = [v for v, id in enumerate(ids, 1) if id == wanted and after < v <= upto]
        expected = (versions[-1], f"d{versions[-1]}") if versions else None
        searching = Retrying(log)
        assert searching.find("room", "u_a", wanted, after, upto) == expected
        # From the index that this made, and after the log grew.
        assert searching.find("room", "u_a", wanted, after, upto) == expected
        log.recorder.insert_events(stored_commands(["z"] * 10, len(ids) + 1))
        assert searching.find("room", "u_a", wanted, after, upto) == expected
        assert searching.find("room", "u_b", wanted, after, upto) is None


def test_what_came_before_the_clients_version_is_not_its_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retrying, "SEGMENT", 5)
    log: EventLog = memory_chat().services.log
    log.recorder.insert_events(stored_commands(["a", "x", "b", "c", "x", *"defghij"]))
    find = Retrying(log).find
    # An entry of the index has events on both sides of the bound.
    assert find("room", "u_a", "a", 1, 12) is None
    assert find("room", "u_a", "b", 3, 12) is None
    assert find("room", "u_a", "x", 2, 12) == (5, "d5")
    assert find("room", "u_a", "x", 0, 4) == (2, "d2")


def test_commands_that_share_a_fingerprint_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "SEGMENT", 3)
    monkeypatch.setattr(retrying, "fingerprint", lambda by, id: b"the same")
    log: EventLog = memory_chat().services.log
    log.recorder.insert_events(stored_commands(list("abcdefgh")))
    for version, id in enumerate("abcdefgh", 1):
        assert Retrying(log).find("room", "u_a", id, 0, 8) == (version, f"d{version}")
        assert Retrying(log).find("room", "u_b", id, 0, 8) is None


def test_what_one_search_makes_is_bounded_however_far_it_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (("SEGMENT", 2), ("READ", 2), ("MADE", 3)):
        monkeypatch.setattr(retrying, name, value)
    log: EventLog = memory_chat().services.log
    log.recorder.insert_events(stored_commands(["first", *"x" * 19]))
    for made in (3, 6, 9):
        with pytest.raises(RoomBusy):
            Retrying(log).find("room", "u_a", "first", 0, 20)
        assert len(log.snapshots.select_events(index_id("room"))) == made
    assert Retrying(log).find("room", "u_a", "first", 0, 20) == (1, "d1")


@pytest.mark.parametrize("kind", ["snapshots", "sqlite"])
def test_an_index_has_each_entry_once_and_reads_no_more_than_is_asked_for(
    kind: str, tmp_path: Path
) -> None:
    log: EventLog = memory_chat().services.log
    database = open_views(tmp_path / "views.sqlite")
    index: CommandIndex = retrying.SnapshotIndex(log.snapshots)
    if kind == "sqlite":
        index = SqliteCommandIndex(database)
    # Two searches may make the same entries.
    index.keep("room", {1: b"one", 2: b"two"})
    index.keep("room", {2: b"two", 1: b"one"})
    index.keep("room", {3: b"three", 4: b"four"})
    index.keep("other", {2: b"other"})
    assert index.entries("room", 0, 4) == {1: b"one", 2: b"two", 3: b"three", 4: b"four"}
    assert index.entries("room", 1, 3) == {2: b"two", 3: b"three"}
    assert index.entries("room", 4, 9) == {}
    database.close()


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(["ab" * 4, "ba" * 4, "a" * 8]), max_size=9))
def test_fingerprints_are_found_at_their_places_alone(entries: list[str]) -> None:
    """Not across two of them, which may well hold the same bytes."""
    prints = "".join(entries).encode()
    for wanted in ("ab" * 4, "ba" * 4, "a" * 8):
        places = [7 + place for place, one in enumerate(entries) if one == wanted]
        assert list(retrying._places(prints, wanted.encode(), 7)) == places[::-1]


def test_the_fingerprint_is_a_storage_format() -> None:
    assert fingerprint("u_ann", "c-1").hex() == "8c069632adea4762"
