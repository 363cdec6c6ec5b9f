"""The log of events: what is folded from where, and what a snapshot is due for."""

from dataclasses import replace
from typing import Any

import pytest

from adapters.memory.events import MemoryEvents, MemorySnapshots
from domain import log as log_module
from domain.log import EventLog
from domain.room.lifecycle import RoomCreated
from domain.room.membership import MemberJoined
from domain.room.messages import MessagePosted
from domain.room.room import Room
from tests.support.aggregates import happened, sealed, stand

ANN = "u_ann"


def filled(events: int, snapshots: tuple[int, ...] = ()) -> EventLog:
    """Returns a log whose room has so many events, with snapshots of these versions."""
    past = [
        happened(RoomCreated, ANN, name=sealed(ANN), kind="public"),
        happened(MemberJoined, ANN, user=ANN, name=sealed(ANN), role="owner"),
    ]
    post: dict[str, Any] = {"text": sealed(ANN), "kind": "text", "reply_to": None, "notify": []}
    past += [happened(MessagePosted, ANN, n=n, **post) for n in range(1, events - 1)]
    log = EventLog(MemoryEvents(), MemorySnapshots())
    room: Any = Room("lobby")
    for version, one in enumerate(past, 1):
        event = stand("lobby", version, one)
        log.recorder.insert_events(log.stored([event]))
        room.fold(event)
        if version in snapshots:
            log.snapshots.insert_events([log.checkpoint(room)])
    return log


@pytest.mark.parametrize(
    ("snapshots", "left"), [((), 12), ((2,), 10), ((5,), 7), ((5, 9), 3), ((12,), 0)]
)
def test_what_is_still_to_be_folded(snapshots: tuple[int, ...], left: int) -> None:
    log = filled(12, snapshots)
    assert log.unfolded("lobby") == left
    assert log.unfolded("elsewhere") == 0


@pytest.mark.parametrize("snapshots", [(), (5,), (5, 9), (12,)])
def test_wherever_a_fold_begins_it_ends_alike(snapshots: tuple[int, ...]) -> None:
    log, whole = filled(12, snapshots), filled(12).load("lobby")
    assert log.cached("lobby") is None
    assert vars(log.at_head("lobby")) == vars(log.read("lobby")) == vars(whole)
    assert log.cached("lobby") is None, "reading keeps nothing"
    loaded = log.load("lobby")
    assert vars(loaded) == vars(whole)
    assert log.cached("lobby") is log.load("lobby") is log.read("lobby") is loaded
    log.evict("lobby")
    assert log.cached("lobby") is None


def test_a_log_that_is_not_there_is_empty_and_not_kept() -> None:
    log = filled(2)
    for name in ("nowhere", "u_nobody"):
        assert log.load(name).version == log.read(name).version == 0
        assert log.cached(name) is None
        assert log.head(name) == 0


@pytest.mark.parametrize(
    ("before", "version", "due"),
    [(2, 3, False), (8, 9, False), (9, 10, True), (10, 11, False), (8, 12, True), (19, 20, True)],
)
def test_a_snapshot_is_due_at_each_multiple(
    monkeypatch: pytest.MonkeyPatch, before: int, version: int, due: bool
) -> None:
    monkeypatch.setattr(log_module, "SNAPSHOT_EVERY", 10)
    log = filled(version)
    taken = log.snapshot(log.load("lobby"), before)
    assert (taken is not None) == due
    if taken is not None:
        assert taken.originator_version == version


@pytest.mark.parametrize(("events", "due"), [(14, False), (15, True), (19, True)])
def test_a_log_that_was_folded_from_too_far_is_owed_a_snapshot(
    monkeypatch: pytest.MonkeyPatch, events: int, due: bool
) -> None:
    """Its last snapshot failed in a process that is gone: the next event brings one."""
    monkeypatch.setattr(log_module, "SNAPSHOT_EVERY", 10)
    monkeypatch.setattr(log_module, "OVERDUE", 5)
    log = filled(events)
    assert (log.snapshot(log.load("lobby"), events) is not None) == due
    # With a snapshot that is near, nothing is owed, however long the log is.
    near = filled(events, (5,))
    assert near.snapshot(near.load("lobby"), events) is None


def test_a_snapshot_that_another_process_saved_too_is_no_failure() -> None:
    log = filled(12, (5,))
    taken = log.checkpoint(log.load("lobby"))
    for _ in range(2):
        log.save_snapshot(taken)
    kept = [one.originator_version for one in log.snapshots.select_events("lobby")]
    assert kept == [12], "older ones are gone all the same"


@pytest.mark.parametrize("damaged", [2, 4])
def test_reading_goes_past_what_cannot_be_read_wherever_that_is(damaged: int) -> None:
    log = EventLog(MemoryEvents(), MemorySnapshots())
    stored = filled(6).recorder.select_events("lobby")
    log.recorder.insert_events(
        [replace(one, topic="room.unheard-of") if one.originator_version == damaged else one
         for one in stored]
    )  # fmt: skip
    page = log.wire_events("lobby", after=1, limit=3)
    assert [event["version"] for event in page.events] == [v for v in (2, 3, 4) if v != damaged]
    assert page.last == 4
