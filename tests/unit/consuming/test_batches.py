"""Consumers, one case at a time: retries, gaps, and what is parked (rule 8)."""

import gc
import json
import weakref
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest

from adapters.memory.progress import MemoryProgress
from domain.aggregate import Event
from domain.consumer import Transient
from domain.consuming import MAX_RECEIVES, Consuming, Record
from domain.log import EventLog
from domain.ports.consumers import Parked
from domain.projections.store import Fold, Head
from domain.room.view import RoomView
from tests.support.views import MemoryViews
from tests.unit.consuming.logs import (
    consuming,
    fed,
    history,
    log_of,
    records_of,
)


class Remembering:
    """A consumer that notes what it is given and fails where it is told to."""

    name = "remembering"
    gapless = True

    def __init__(self) -> None:
        self.applied: list[tuple[str, int]] = []
        self.skipped: list[tuple[str, int]] = []
        self.heads: dict[str, int] = {}
        self.failing: dict[str, BaseException] = {}

    def last(self, stream: str) -> int | None:
        return self.heads.get(stream, 0)

    def apply(self, stream: str, events: Sequence[Event]) -> None:
        if stream in self.failing:
            raise self.failing[stream]
        self.applied += [(stream, event.originator_version) for event in events]
        self.heads[stream] = events[-1].originator_version

    def skip(self, stream: str, version: int) -> None:
        self.skipped.append((stream, version))
        self.heads[stream] = version

    def reset(self, stream: str) -> None:
        self.heads[stream] = 0


def remembering() -> tuple[Remembering, Consuming, MemoryProgress]:
    consumer, progress = Remembering(), MemoryProgress()
    return consumer, Consuming(consumer, log_of(history()), progress, lambda: "now"), progress


@pytest.mark.parametrize("error", [Transient("later"), OSError("later")])
def test_a_batch_names_the_failing_rooms_records_only(error: Exception) -> None:
    consumer, feed, progress = remembering()
    consumer.failing["other"] = error
    mixed = [*records_of("other", 2), *records_of("lobby", 3), *records_of("u_ann", 1)]
    assert feed.consume(mixed) == ["other-1", "other-2"]
    assert consumer.heads == {"lobby": 3, "u_ann": 1}
    assert progress.parked() == []


def test_a_failure_that_stays_is_parked_at_the_last_receive() -> None:
    consumer, feed, progress = remembering()
    consumer.failing["other"] = OSError("later")
    assert feed.consume(records_of("other", 2, MAX_RECEIVES - 1)) == ["other-1", "other-2"]
    assert feed.consume(records_of("other", 2, MAX_RECEIVES)) == []
    assert progress.parked() == [
        Parked("remembering", "other", 1, "OSError", "now"),
        Parked("remembering", "other", 2, "OSError", "now"),
    ]
    consumer.failing.clear()
    assert feed.consume(records_of("other", 4)) == []
    assert consumer.applied == [("other", 3), ("other", 4)]
    feed.redrive("other")
    assert progress.parked() == []
    assert consumer.applied[2:] == [("other", v) for v in range(1, consumer.heads["other"] + 1)]


def test_a_streams_records_are_given_up_when_the_newest_of_them_had_its_tries() -> None:
    """One that came for the first time has all of its retries, whatever came with it."""
    consumer, feed, progress = remembering()
    consumer.failing["other"] = OSError("later")
    first, second = records_of("other", 2)
    for receives in range(1, MAX_RECEIVES):
        mixed = [replace(first, receives=MAX_RECEIVES), replace(second, receives=receives)]
        assert feed.consume(mixed) == ["other-1", "other-2"]
        assert feed.consume(mixed[::-1]) == ["other-2", "other-1"]
        assert progress.parked() == []
        assert consumer.heads == {}
    # Another stream's tries do not count.
    mixed = [*records_of("other", 1), *records_of("lobby", 1, MAX_RECEIVES + 1)]
    assert feed.consume(mixed) == ["other-1"]
    assert feed.consume(records_of("other", 2, MAX_RECEIVES)) == []
    assert [one.version for one in progress.parked()] == [1, 2]


def test_a_gap_is_read_from_the_log() -> None:
    consumer, feed, _ = remembering()
    assert feed.consume(records_of("lobby", 4)[3:]) == []
    assert consumer.applied == [("lobby", version) for version in range(1, 5)]


def test_no_more_than_the_gap_is_read_from_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A room of many events is not read to its head for two that are missing."""
    consumer, feed, _ = remembering()
    feed.consume(records_of("lobby", 2))
    found: list[int] = []
    events = EventLog.events

    def noting(log: EventLog, log_id: str, **more: Any) -> list[Event]:
        read = events(log, log_id, **more)
        found.extend(event.originator_version for event in read)
        return read

    monkeypatch.setattr(EventLog, "events", noting)
    assert feed.consume(records_of("lobby", 5)[4:]) == []
    assert consumer.heads["lobby"] == 5
    assert set(found) <= {3, 4, 5}


def test_a_read_that_fails_for_now_parks_nothing_beside_what_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    consumer, feed, progress = remembering()
    events, broken = EventLog.events, [True]

    def reading(log: EventLog, log_id: str, **more: Any) -> list[Event]:
        found = events(log, log_id, **more)
        versions = {event.originator_version for event in found}
        if 2 in versions:
            raise ValueError("damaged")
        if 3 in versions and broken:
            raise OSError("the disk is busy")
        return found

    monkeypatch.setattr(EventLog, "events", reading)
    last = records_of("lobby", 4)[3:]
    assert feed.consume(last) == ["lobby-4"]
    assert progress.parked() == []
    broken.clear()
    assert feed.consume(last) == []
    assert [one.version for one in progress.parked()] == [2]
    assert consumer.applied == [("lobby", 1), ("lobby", 3), ("lobby", 4)]


class Forgetful(Remembering):
    """Remembers a place that others have passed, until it is told to look."""

    def __init__(self) -> None:
        super().__init__()
        self.stored: dict[str, int] = {}
        self.refreshed: list[str] = []

    def refresh(self, stream: str) -> None:
        self.refreshed.append(stream)
        self.heads[stream] = self.stored.get(stream, 0)


def test_what_others_applied_is_looked_up_only_where_something_is_missing() -> None:
    consumer, progress = Forgetful(), MemoryProgress()
    feed = Consuming(consumer, log_of(history()), progress, lambda: "now")
    assert feed.consume(records_of("lobby", 4)) == []
    assert consumer.refreshed == [], "in order it costs no look"
    # Another process did 5 and 6: the look says so, and they are not read or applied again.
    consumer.stored["lobby"] = 6
    assert feed.consume(records_of("lobby", 8)[6:]) == []
    assert consumer.refreshed == ["lobby"]
    assert consumer.applied == [("lobby", version) for version in (1, 2, 3, 4, 7, 8)]
    # What is old needs no look either, nor does what follows what was just looked up.
    assert feed.consume(records_of("lobby", 8)) == []
    assert feed.consume(records_of("lobby", 9)[8:]) == []
    assert consumer.refreshed == ["lobby"]
    # Nobody did what is missing: it is read from the log.
    consumer.stored["lobby"] = 9
    assert feed.consume(records_of("lobby", 12)[11:]) == []
    assert consumer.refreshed == ["lobby", "lobby"]
    assert consumer.applied[6:] == [("lobby", version) for version in (9, 10, 11, 12)]


def test_what_the_log_does_not_show_yet_is_retried() -> None:
    consumer, feed, _ = remembering()
    body = orjson.loads(records_of("lobby", 4)[3].body)
    body["version"] = 400
    assert feed.consume([Record("early", orjson.dumps(body))]) == ["early"]
    assert consumer.applied == []


@pytest.mark.parametrize("body", ["", "{", "null", "[]", "{}", '{"stream":"lobby"}', b"\xff",
                                  '{"stream":"lobby","version":null}'])  # fmt: skip
def test_an_unreadable_record_is_parked_and_stops_nothing(body: str | bytes) -> None:
    consumer, feed, progress = remembering()
    assert feed.consume([Record("odd", body), *records_of("lobby", 2)]) == []
    assert consumer.heads == {"lobby": 2}
    assert [one.stream for one in progress.parked()] == ["?"]


def test_a_parked_event_tells_no_content() -> None:
    _, feed, progress = remembering()
    planted = '{"stream":"lobby","version":1,"topic":"x.planted","state":{"text":"planted"}}'
    assert feed.consume([Record("1", planted), Record("2", "planted")]) == []
    assert "planted" not in json.dumps([one.reason for one in progress.parked()])


def test_two_unreadable_records_are_both_kept() -> None:
    _, feed, progress = remembering()
    feed.consume([Record("one", "{"), Record("two", "{")])
    assert len(progress.parked()) == 2


@pytest.mark.parametrize("version", ["4", 4.5, True])
def test_a_version_that_is_no_integer_is_poison_too(version: Any) -> None:
    consumer, feed, _ = remembering()
    (*good, last) = records_of("lobby", 4)
    odd = {**orjson.loads(last.body), "version": version}
    assert feed.consume([*good, Record("odd", orjson.dumps(odd)), *records_of("other", 1)]) == []
    assert consumer.heads["other"] == 1


def test_giving_up_beyond_a_gap_parks_all_that_it_goes_past() -> None:
    consumer, feed, progress = remembering()
    consumer.failing["lobby"] = OSError("later")
    assert feed.consume(records_of("lobby", 4, MAX_RECEIVES)[3:]) == []
    passed = set(range(1, consumer.heads["lobby"] + 1))
    assert {one.version for one in progress.parked()} == passed


def test_a_folded_view_leaves_nothing_to_the_garbage_collector() -> None:
    """It holds all messages that a batch changed, and a collection stops everything."""
    seen: list[weakref.ref[RoomView]] = []

    class Noting(MemoryViews):
        def fold_of(self, base: Head, view: RoomView) -> Fold:
            seen.append(weakref.ref(view))
            return super().fold_of(base, view)

    events = history()
    consumer = consuming(Noting(), log_of(events), MemoryProgress())
    gc.disable()
    try:
        fed(consumer, events, [list(range(len(events)))])
        assert seen
        assert [view() for view in seen] == [None] * len(seen)
    finally:
        gc.enable()
