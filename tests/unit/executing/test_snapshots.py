"""Snapshots and checkpoints: what is read, written, tried again, and never taken over."""

from typing import Any

import pytest
from eventsourcing.persistence import OperationalError

from adapters.memory.events import MemorySnapshots
from domain import log as log_module
from domain.errors import RoomBusy, Throttled
from domain.executing import DirectExecutor
from domain.log import EventLog
from domain.room.invitations import RemoveMember
from tests.support.aggregates import ask
from tests.unit.executing.world import ROOM, Reads, World, always_first, post


def test_snapshots_are_written_and_change_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "SNAPSHOT_EVERY", 10)
    world = World()
    for number in range(25):
        world.a.one(post("u_bob", id=f"{number}", since=3))
    snapshots = world.a.log.snapshots.select_events(ROOM)
    assert [stored.originator_version for stored in snapshots] == [20]
    warm = world.a.log.load(ROOM)
    world.a.log.evict(ROOM)
    cold = world.a.log.load(ROOM)
    assert cold is not warm
    assert {**vars(cold), "tail": None} == {**vars(warm), "tail": None}
    assert world.a.one(post("u_bob", id="0", since=3)) == 4


def test_a_lost_race_reads_but_what_came_since(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.b.one(post("u_ann", id="1"))  # B folds the room: 3 events
    for number in range(20):
        world.a.one(post("u_ann", id=f"a{number}"))
    reads = Reads(world.recorder, monkeypatch)
    assert world.b.one(post("u_bob", id="2")) == 25
    assert reads.asked == [3]
    world.a.one(post("u_ann", id="last"))
    reads.asked.clear()
    assert world.b.one(post("u_bob", id="3")) == 27
    assert reads.asked == [24]


def test_a_snapshot_shortens_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "SNAPSHOT_EVERY", 10)
    world = World()
    for number in range(9):
        world.a.one(post("u_ann", id=f"a{number}"))
    world.b.one(post("u_ann", id="1"))
    reads = Reads(world.recorder, monkeypatch)
    assert world.a.one(post("u_bob", id="2")) == 14
    assert reads.asked == [10]


@pytest.mark.parametrize(("since", "begins"), [(8, [4]), (30, [4, 30])])
def test_who_was_away_for_long_begins_at_a_stored_snapshot(
    since: int, begins: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "SNAPSHOT_EVERY", 10)
    world = World()
    world.b.one(post("u_ann", id="1"))
    world.b.log.evict(ROOM)
    world.b.log.snapshots = world.a.log.snapshots
    world.b.one(post("u_nobody", id="refused"))  # folds and keeps nothing new: version 4
    for number in range(since):
        world.a.one(post("u_ann", id=f"a{number}"))
    reads = Reads(world.recorder, monkeypatch)
    assert world.b.one(post("u_bob", id="2")) == 4 + since + 1
    assert reads.asked == begins


def test_what_never_happened_is_in_no_checkpoint() -> None:
    """A removes Bob and loses each time: what it decided is not what it goes on from."""
    world = World()
    world.recorder.before = always_first(world)
    removal = ask(RemoveMember, "u_ann", id="never", user="u_bob")
    assert isinstance(world.a.one(removal), RoomBusy)
    world.recorder.before = None
    world.b.one(post("u_ann", id="between"))
    assert isinstance(world.a.one(post("u_bob", id="here")), int)
    folded = EventLog(world.recorder, MemorySnapshots()).load(ROOM)
    assert {**vars(world.a.log.load(ROOM)), "tail": None} == vars(folded)


@pytest.mark.parametrize("failure", [OperationalError("no disk"), Throttled()])
def test_a_snapshot_that_fails_is_only_missing(
    failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "SNAPSHOT_EVERY", 5)
    world = World()

    def fail(*args: Any, **kwargs: Any) -> Any:
        raise failure

    snapshots = world.a.log.snapshots
    with monkeypatch.context() as patched:
        patched.setattr(snapshots, "insert_events", fail)
        assert [world.a.one(post("u_bob", id=f"{n}")) for n in range(4)] == [4, 5, 6, 7]
    assert list(snapshots.select_events(ROOM)) == []
    world.a.log.evict(ROOM)
    assert [world.a.one(post("u_bob", id=f"later {n}")) for n in range(4)] == [8, 9, 10, 11]
    assert [stored.originator_version for stored in snapshots.select_events(ROOM)] == [10]


def test_a_snapshot_that_fails_is_reported_and_tried_again_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_module, "SNAPSHOT_EVERY", 100)
    world, tried, told = World(), list[int](), list[tuple[str, str]]()
    executor = DirectExecutor(
        world.a.log,
        world.views,
        report=lambda log_id, error: told.append((log_id, type(error).__name__)),
    )

    def fail(stored: Any) -> Any:
        tried.append(stored[0].originator_version)
        raise OperationalError("no")

    def fill(upto: int) -> None:
        for version in range(world.a.log.head(ROOM) + 1, upto + 1):
            executor.execute(ROOM, [post("u_bob", id=f"{version}")], lambda outcomes: None)

    snapshots = world.a.log.snapshots
    with monkeypatch.context() as patched:
        patched.setattr(snapshots, "insert_events", fail)
        fill(140)
    # With the next event, then after two more, four …
    assert tried == [100, 101, 103, 107, 115, 131]
    assert told == [(ROOM, "OperationalError")] * 6
    # Once it succeeds it is due at the multiples alone.
    fill(250)
    assert [stored.originator_version for stored in snapshots.select_events(ROOM)] == [200]
    assert len(told) == 6


def test_a_snapshot_that_another_process_failed_to_save_is_due_with_the_next_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_module, "SNAPSHOT_EVERY", 20)
    monkeypatch.setattr(log_module, "OVERDUE", 5)
    world = World()
    snapshots = world.a.log.snapshots
    for version in range(4, 28):
        world.b.one(post("u_bob", id=f"{version}"))
    assert list(snapshots.select_events(ROOM)) == []  # B keeps its own
    world.a.log.evict(ROOM)
    assert world.a.one(post("u_ann", id="next")) == 28
    assert [stored.originator_version for stored in snapshots.select_events(ROOM)] == [28]
    world.a.one(post("u_ann", id="later"))
    assert [stored.originator_version for stored in snapshots.select_events(ROOM)] == [28]


def test_a_snapshot_is_written_after_the_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "SNAPSHOT_EVERY", 4)
    world, seen = World(), list[int]()
    snapshots = world.a.log.snapshots
    world.a.executor.execute(
        ROOM,
        [post("u_bob", id="1")],
        lambda outcomes: seen.append(len(snapshots.select_events(ROOM))),
    )
    assert seen == [0]
    assert len(snapshots.select_events(ROOM)) == 1
