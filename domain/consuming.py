"""Code that every consumer of events shares (rule 8): each event once, in order; failing events are
parked.

A consumer may see an event twice, late or out of order. It applies only `last + 1`: lower versions
are dropped; for a higher one, the missing events are read from the log first. An event that cannot
be applied is parked and skipped, so that it never stops its room.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
from eventsourcing.utils import TopicError

from domain.aggregate import Event
from domain.consumer import TRANSIENT, Consumer, Partly, Remembering, Transient
from domain.log import EventLog, from_envelope
from domain.ports.connections import Shard
from domain.ports.consumers import Parked, Progress

MAX_RECEIVES = 5
"""Number of deliveries after which a record that still fails is parked."""

UNKNOWN = "?"
"""Stream for parked records whose stream is unknown."""

REDRIVE_CHUNK = 500
"""Events that a redrive reads and applies at a time."""


@dataclass(frozen=True, slots=True)
class Record:
    """A queue's record.

    Attributes
    ----------
    id: the id for partial failures.
    body: the event's envelope, JSON.
    receives: how often it was delivered, including this time.
    """

    id: str
    body: str | bytes
    receives: int = 1


@dataclass(frozen=True, slots=True)
class Poison:
    """Stands in for an event that could not even be read."""

    originator_version: int
    reason: str


@dataclass(frozen=True, slots=True)
class Run:
    """The records of a batch for one stream, or for one shard of a room.

    Attributes
    ----------
    again: versions of records that were delivered before.
    """

    stream: str
    shard: Shard | None = None
    events: list[Event | Poison] = field(default_factory=list)
    again: set[int] = field(default_factory=set)


class Consuming:
    """Passes records to a consumer.

    Parameters
    ----------
    clock: returns the time in the form that events use.
    """

    def __init__(
        self, consumer: Consumer, log: EventLog, progress: Progress, clock: Callable[[], str]
    ) -> None:
        self.consumer = consumer
        self._log = log
        self._progress = progress
        self._clock = clock

    def consume(self, records: Sequence[Record]) -> list[str]:
        """Applies records room by room; returns the ids of those to be retried."""
        failed: list[str] = []
        runs: dict[tuple[str, Shard | None], tuple[Run, list[Record]]] = {}
        for record in records:
            try:
                body = orjson.loads(record.body)
                stream, version = body["stream"], body["version"]
                if type(stream) is not str or type(version) is not int:
                    raise TypeError
                shard = _shard(body)
            except (ValueError, KeyError, TypeError) as error:
                # Its room is unknown: it is kept under its own id so that an operator sees it.
                number = zlib.crc32(record.id.encode())
                reason = f"unreadable record {record.id}: {type(error).__name__}"
                self._park(UNKNOWN, number, reason)
                continue
            run, its = runs.setdefault((stream, shard), (Run(stream, shard), []))
            run.events.append(self._event(body, version))
            its.append(record)
            if record.receives > 1:
                run.again.add(version)
        for run, its in runs.values():
            try:
                self._feed(run)
            except TRANSIENT as error:
                if min(record.receives for record in its) < MAX_RECEIVES:
                    failed.extend(record.id for record in its)
                else:
                    self._give_up(run, error)
        return failed

    @staticmethod
    def _event(body: dict[str, Any], version: int) -> Event | Poison:
        try:
            return from_envelope(body)
        except (TopicError, KeyError, TypeError, ValueError, AttributeError) as error:
            return Poison(version, type(error).__name__)

    def _feed(self, run: Run) -> None:
        """Applies the new events of a run, in any order."""
        stream = run.stream
        if not self.consumer.gapless:
            self._apply(run, sorted(run.events, key=lambda event: event.originator_version))
            return
        last, new = self._new(run)
        if new and max(new) != last + len(new) and isinstance(self.consumer, Remembering):
            # Normally another process has applied the missing events: checking this is cheaper.
            self.consumer.refresh(stream)
            last, new = self._new(run)
        if not new:
            return
        todo = [new[version] for version in sorted(new)]
        if todo[-1].originator_version != last + len(todo):
            todo = self._read(stream, last, todo[-1].originator_version, new)
        self._apply(run, todo)

    def _new(self, run: Run) -> tuple[int, dict[int, Event | Poison]]:
        """Returns the last applied version, and the run's newer events."""
        last = self._last(run.stream, run.events)
        return last, {e.originator_version: e for e in run.events if e.originator_version > last}

    def _last(self, stream: str, events: Sequence[Event | Poison]) -> int:
        last = self.consumer.last(stream)
        return min(e.originator_version for e in events) - 1 if last is None else last

    def _read(
        self, stream: str, last: int, upto: int, new: Mapping[int, Event | Poison]
    ) -> list[Event | Poison]:
        """Reads `last < version <= upto` from the log; an unreadable event becomes Poison."""
        found: dict[int, Event | Poison] = {}
        try:
            found = {
                e.originator_version: e for e in self._log.events(stream, after=last, upto=upto)
            }
        except TRANSIENT:
            raise
        except Exception:
            for version in range(last + 1, upto + 1):
                found.update(self._read_one(stream, version))
        todo = [new.get(version) or found.get(version) for version in range(last + 1, upto + 1)]
        missing = [event for event in todo if event is None]
        if missing:
            # Published before the log has it: impossible with consistent reads, so retry.
            raise Transient(f"{stream}: {len(missing)} events up to {upto} are not in the log")
        return cast(list[Event | Poison], todo)

    def _read_one(self, stream: str, version: int) -> dict[int, Event | Poison]:
        try:
            events = self._log.events(stream, after=version - 1, upto=version)
        except TRANSIENT:
            raise
        except Exception as error:
            return {version: Poison(version, type(error).__name__)}
        return {event.originator_version: event for event in events}

    def _do(self, run: Run, events: Sequence[Event]) -> None:
        self.consumer.apply(run.stream, events)

    def _apply(self, run: Run, todo: Sequence[Event | Poison]) -> None:
        good: list[Event] = [event for event in todo if isinstance(event, Event)]
        if len(good) == len(todo):
            try:
                self._do(run, good)
                return
            except TRANSIENT:
                raise
            except Exception:  # noqa: S110 one of them is poison; one by one shows which
                pass
        for event in todo:
            self._apply_one(run, event)

    def _apply_one(self, run: Run, event: Event | Poison) -> None:
        stream = run.stream
        reason = event.reason if isinstance(event, Poison) else ""
        if isinstance(event, Event):
            try:
                self._do(run, [event])
                return
            except TRANSIENT:
                raise
            except Partly as error:
                self._park_part(stream, event, error)
                return
            except Exception as error:
                reason = type(error).__name__
        self._park(stream, event.originator_version, reason)
        self.consumer.skip(stream, event.originator_version)

    def _give_up(self, run: Run, error: Exception) -> None:
        stream, events = run.stream, run.events
        last = self._last(stream, events)
        upto = min(max(e.originator_version for e in events), self._log.head(stream))
        given = {e.originator_version: e for e in events if isinstance(e, Event)}
        for version in range(last + 1, upto + 1):
            event = given.get(version)
            if isinstance(error, Partly) and event is not None:
                self._apply_rest(run, event)
                continue
            self._park(stream, version, type(error).__name__)
            self.consumer.skip(stream, version)

    def _apply_rest(self, run: Run, event: Event) -> None:
        """Applies an event without the parts that fail, for whatever reason."""
        try:
            self._do(run, [event])
        except Partly as error:
            self._park_part(run.stream, event, error)
        except Exception as error:
            self._park(run.stream, event.originator_version, type(error).__name__)
            self.consumer.skip(run.stream, event.originator_version)

    def _park_part(self, stream: str, event: Event, error: Partly) -> None:
        # Parked first: a crash in between must not hide the failure.
        self._park(stream, event.originator_version, error.reason)
        try:
            error.rest()
        except TRANSIENT:
            raise
        except Exception:
            self.consumer.skip(stream, event.originator_version)

    def _park(self, stream: str, version: int, reason: str) -> None:
        self._progress.park(Parked(self.consumer.name, stream, version, reason, self._clock()))

    def redrive(self, stream: str) -> None:
        """Folds a stream again from its log; events that still fail are parked again.

        UNKNOWN has no log: the redrives of the streams themselves find the events of its records.
        """
        if stream == UNKNOWN:
            self._progress.unpark(self.consumer.name, UNKNOWN, 2**32)
            return
        head = self._log.head(stream)
        self._progress.unpark(self.consumer.name, stream, head)
        self.consumer.reset(stream)
        self.fold(stream, head)

    def fold(self, stream: str, head: int) -> None:
        """Folds the first `head` events of a stream that the consumer has dropped."""
        for start in range(0, head, REDRIVE_CHUNK):
            found = self._read(stream, start, min(start + REDRIVE_CHUNK, head), {})
            self._apply(Run(stream), found)


def _shard(body: dict[str, Any]) -> Shard | None:
    """Returns the shard of a room that a record is for. Raises TypeError, ValueError."""
    given = body.get("shard")
    if given is None:
        return None
    part, of = given
    if type(part) is not int or type(of) is not int or not 0 <= part < of:
        raise ValueError
    return part, of
