"""Pushes of a busy room, gathered into one (domain/claiming.py)."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from eventsourcing.persistence import PersistenceError, StoredEvent

from adapters.dynamodb.cursors import DynamoCursors
from adapters.dynamodb.table import Table
from adapters.memory.events import MemoryEvents, MemorySnapshots
from adapters.memory.progress import MemoryProgress
from domain.aggregate import Event
from domain.claiming import Claiming
from domain.consuming import Record
from domain.log import EventLog, envelope
from domain.ports.connections import Shard
from tests.support.chat import memory_chat, person
from tests.support.dynamodb import counting

WINDOW = 0.25
PUSH = 0.03
"""Seconds that a push takes here."""

BEGIN = 1_767_323_045.0
MEMBERS = 50


def talk(count: int) -> Sequence[StoredEvent]:
    """Returns the log of a room with so many messages, which begin at version 3."""
    chat = memory_chat()
    ann = person(chat, "ann")
    ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
    for n in range(count):
        ann.send(action="post", room="lobby", text=str(n))
    return chat.services.log.recorder.select_events("lobby")


class Timeline(MemoryEvents):
    """A log whose messages appear one after the other while time goes by."""

    def __init__(self, events: Sequence[StoredEvent], every: float) -> None:
        super().__init__()
        self.insert_events(events)
        self.every = every
        self.now = BEGIN
        self.failing: Exception | None = None

    def at(self, version: int) -> float:
        return BEGIN + max(version - 3, 0) * self.every

    def select_events(self, *args: Any, **more: Any) -> Sequence[StoredEvent]:
        if self.failing is not None:
            raise self.failing
        found = super().select_events(*args, **more)
        return [event for event in found if self.at(event.originator_version) <= self.now]


class Pushes:
    """Notes what is pushed and when; takes its time."""

    name = "deliver"
    gapless = True

    def __init__(self, log: Timeline) -> None:
        self.log = log
        self.made: list[tuple[float, list[int]]] = []
        self.failing: Iterator[BaseException | None] = iter(())

    def last(self, stream: str) -> int | None:
        return None

    def apply(self, stream: str, events: Sequence[Event], shard: Shard | None = None) -> None:
        error = next(self.failing, None)
        if error is not None:
            raise error
        self.made.append((self.log.now, [event.originator_version for event in events]))
        self.log.now += PUSH

    def skip(self, stream: str, version: int) -> None: ...

    def reset(self, stream: str) -> None: ...

    @property
    def versions(self) -> list[int]:
        return [version for _, versions in self.made for version in versions]


class Room:
    """A busy room whose records are consumed as AWS does: one batch at a time, ten at the most."""

    def __init__(
        self, dynamo: Any, tables: dict[str, str], count: int, every: float, window: float = WINDOW
    ) -> None:
        self.stored = talk(count)
        self.log = Timeline(self.stored, every)
        self.table = Table(dynamo, tables["progress"])
        self.window = window
        self.pushes = Pushes(self.log)
        self.paused: list[float] = []
        self.process = self.another()

    def another(self) -> Claiming:
        """Returns a process of its own."""
        return Claiming(
            self.pushes, EventLog(self.log, MemorySnapshots()), MemoryProgress(), lambda: "now",
            DynamoCursors(self.table, lambda: self.log.now), self.window, self.pause,
            lambda: self.log.now,
        )  # fmt: skip

    def pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        self.log.now += seconds

    def records(self, *versions: int, receives: int = 1) -> list[Record]:
        return [
            Record(f"{event.originator_version}", envelope(event), receives)
            for event in self.stored
            if event.originator_version in versions
        ]

    def play(self, processes: Sequence[Claiming]) -> None:
        """Consumes all, each batch by the next process."""
        left = [event.originator_version for event in self.stored if event.originator_version > 2]
        turn = 0
        while left:
            self.log.now = max(self.log.now, self.log.at(left[0]))
            batch = [version for version in left if self.log.at(version) <= self.log.now][:10]
            process = processes[turn % len(processes)]
            assert process.consume(self.records(*batch)) == []
            left = left[len(batch) :]
            turn += 1


@pytest.mark.parametrize("processes", [1, 3])
def test_ten_messages_a_second_are_four_pushes_a_second(
    dynamo: Any, tables: dict[str, str], processes: int
) -> None:
    """Ten seconds of ten messages, in a room of 50: 5,000 frames without, 2,050 with it."""
    frames = {}
    for window in (0.0, WINDOW):
        room = Room(dynamo, tables, count=100, every=0.1, window=window)
        room.table.delete({"pk": "cursor#deliver#lobby", "sk": "-"})
        room.play([room.another() for _ in range(processes)])
        assert room.pushes.versions == list(range(3, 103)), "each once, in order"
        frames[window] = len(room.pushes.made) * MEMBERS
        late = [
            at - room.log.at(version) for at, versions in room.pushes.made for version in versions
        ]
        assert max(late) < window + 2 * PUSH
    assert frames == {0.0: 5_000, WINDOW: 2_050}


def test_a_message_on_its_own_waits_for_nothing_and_costs_what_it_did(
    dynamo: Any, tables: dict[str, str]
) -> None:
    room = Room(dynamo, tables, count=10, every=WINDOW + PUSH)
    with counting(dynamo) as called:
        room.play([room.process])
    assert room.paused == []
    assert called == ["UpdateItem"] * 10


def test_a_second_message_within_the_window_waits_for_its_rest(
    dynamo: Any, tables: dict[str, str]
) -> None:
    room = Room(dynamo, tables, count=2, every=0.1)
    room.play([room.process])
    assert room.paused == [pytest.approx(0.15, abs=0.002)]
    assert [versions for _, versions in room.pushes.made] == [[3], [4]]


def test_records_of_what_was_gathered_find_nothing_to_do(
    dynamo: Any, tables: dict[str, str]
) -> None:
    room = Room(dynamo, tables, count=3, every=0.1)
    room.process.consume(room.records(3))
    room.log.now = room.log.at(4)
    room.process.consume(room.records(4))
    assert room.pushes.versions == [3, 4, 5]
    with counting(dynamo) as called:
        room.another().consume(room.records(5))
    assert called == ["UpdateItem"]
    assert room.pushes.versions == [3, 4, 5]


def test_a_push_that_fails_leaves_what_was_gathered_to_be_done(
    dynamo: Any, tables: dict[str, str]
) -> None:
    room = Room(dynamo, tables, count=3, every=0.1)
    room.process.consume(room.records(3))
    room.log.now = room.log.at(4)
    room.pushes.failing = iter([OSError("later")])
    assert room.process.consume(room.records(4)) == ["4"]
    room.log.now += 90
    assert room.another().consume(room.records(4, receives=2)) == []
    assert room.another().consume(room.records(5)) == []
    assert room.pushes.versions == [3, 4, 5]


def test_a_process_that_dies_leaves_nothing_undone(dynamo: Any, tables: dict[str, str]) -> None:
    class Death(BaseException):
        """Nothing runs after it: not even what takes a cursor back."""

    room = Room(dynamo, tables, count=3, every=0.1)
    room.process.consume(room.records(3))
    room.log.now = room.log.at(4)
    room.pushes.failing = iter([Death()])
    dying = room.another()
    dying._cursors.retreat = lambda *_: None  # type: ignore[method-assign]
    with pytest.raises(Death):
        dying.consume(room.records(4))
    room.log.now += 90
    assert room.another().consume(room.records(4, receives=2)) == []
    # The record of 5 comes for the first time, and the cursor is past it.
    assert room.another().consume(room.records(5)) == []
    assert room.pushes.versions == [3, 4, 5]


def test_where_the_log_cannot_be_read_the_records_suffice(
    dynamo: Any, tables: dict[str, str]
) -> None:
    room = Room(dynamo, tables, count=3, every=0.1)
    room.process.consume(room.records(3))
    room.log.now = room.log.at(4)
    room.log.failing = PersistenceError()
    assert room.process.consume(room.records(4)) == []
    room.log.failing = None
    assert room.process.consume(room.records(5)) == []
    assert room.pushes.versions == [3, 4, 5]
