"""Consumers with an external effect: their position is a cursor that processes share.

The cursor is moved before the events are handed on. If they are in order, that is one conditional
write and no read, and of two processes with the same events only one continues. A failure moves the
cursor back. If the process crashed before that, the queue delivers the record again, and its events
are handed on again. So each event is handed on at least once, and exactly once if no process
crashes.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock
from typing import Protocol

from domain.aggregate import Event
from domain.consumer import TRANSIENT, Transient
from domain.consuming import UNKNOWN, Consuming, Poison, Run
from domain.log import EventLog, is_person
from domain.ports.connections import Shard
from domain.ports.consumers import Cursors, Progress

GATHERED = 100
"""Maximum of events that are added to those of a batch."""

ATTEMPTS = 4
"""Attempts to move a cursor that another process moves too."""


class ProcessCursors:
    """Cursors of one process, in memory: losing one costs nothing, because a consumer then begins
    with the next event."""

    durable = False
    SIZE = 10_000
    """Number of lanes kept; the least recently used one is dropped."""

    def __init__(self) -> None:
        self._last: OrderedDict[str, int] = OrderedDict()
        self._lock = Lock()

    def advance(self, lane: str, first: int, last: int) -> int | None:
        with self._lock:
            stands = self._last.get(lane)
            if stands is not None and stands != first - 1:
                return stands
            self._last[lane] = last
            self._last.move_to_end(lane)
            if len(self._last) > self.SIZE:
                self._last.popitem(last=False)
            return None

    def retreat(self, lane: str, first: int, last: int) -> None:
        with self._lock:
            if self._last.get(lane) == last:
                self._last[lane] = first - 1

    def moved_before(self, lane: str) -> float:
        return 0.0


class PartConsumer(Protocol):
    """A consumer that can serve a single shard of a room."""

    name: str
    gapless: bool

    def last(self, stream: str) -> int | None: ...

    def apply(self, stream: str, events: Sequence[Event], shard: Shard | None = None) -> None: ...

    def skip(self, stream: str, version: int) -> None: ...

    def reset(self, stream: str) -> None: ...


class Claiming(Consuming):
    """Passes records to a consumer whose position is a cursor.

    If a room's cursor was moved less than `window` seconds ago, it waits for the rest of the
    window, and hands on the log's newer events together with the records. Later records of these
    events then have nothing to do.

    Parameters
    ----------
    window: 0 to hand on events immediately.
    pause: called with the seconds to wait.
    seconds: seconds since the epoch.
    """

    def __init__(
        self,
        consumer: PartConsumer,
        log: EventLog,
        progress: Progress,
        clock: Callable[[], str],
        cursors: Cursors,
        window: float = 0.0,
        pause: Callable[[float], None] = time.sleep,
        seconds: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(consumer, log, progress, clock)
        self._parts = consumer
        self._cursors = cursors
        self._window = window
        self._pause = pause
        self._seconds = seconds

    def _lane(self, run: Run) -> str:
        part = "" if run.shard is None else f"#{run.shard[0]}/{run.shard[1]}"
        return f"{self.consumer.name}#{run.stream}{part}"

    def _feed(self, run: Run) -> None:
        given = {event.originator_version: event for event in run.events}
        upto = max(given)
        first = self._claim(run, min(given), upto)
        try:
            if first <= upto:
                upto = self._gather(run, given, upto)
            todo = self._todo(run, given, first, upto)
            if todo:
                self._apply(run, todo)
        except BaseException:
            if first <= upto:
                # If this fails too, the records' next delivery repairs it.
                with suppress(*TRANSIENT):
                    self._cursors.retreat(self._lane(run), first, upto)
            raise

    def _gathers(self, run: Run) -> bool:
        """Whether the run is for a room's whole lane, and rooms are gathered."""
        return self._window > 0 and run.shard is None and not is_person(run.stream)

    def _gather(self, run: Run, given: dict[int, Event | Poison], upto: int) -> int:
        """Waits for the end of a busy room's window, and adds the log's newer events to `given`;
        returns the last version to hand on."""
        if not self._gathers(run):
            return upto
        lane = self._lane(run)
        left = self._cursors.moved_before(lane) + self._window - self._seconds()
        if left <= 0:
            return upto
        # Clocks of processes differ a little; the wait never exceeds the window.
        self._pause(min(left, self._window))
        try:
            found = self._log.events(run.stream, after=upto, limit=GATHERED)
        except Exception:
            # Their own records bring these events, and park unreadable ones.
            return upto
        if not found:
            return upto
        last = found[-1].originator_version
        try:
            if self._cursors.advance(lane, upto + 1, last) is not None:
                return upto
        except TRANSIENT:
            # It is not known whether it moved: the following code moves it back with the rest.
            self._cursors.retreat(lane, upto + 1, last)
            return upto
        given.update({event.originator_version: event for event in found})
        return last

    def _claim(self, run: Run, first: int, upto: int) -> int:
        """Moves the cursor to `upto`; returns the first version to hand on."""
        for _ in range(ATTEMPTS):
            try:
                stands = self._cursors.advance(self._lane(run), first, upto)
            except TRANSIENT:
                # It may have moved anyway. If it stayed there, the versions between the cursor's
                # old position and the records, which no record brings again, would count as done.
                with suppress(*TRANSIENT):
                    self._cursors.retreat(self._lane(run), first, upto)
                raise
            if stands is None:
                return first
            first = stands + 1
            if first > upto:
                return first
        raise Transient(f"another process moved the cursor of {run.stream}")

    def _todo(
        self, run: Run, given: dict[int, Event | Poison], first: int, upto: int
    ) -> list[Event | Poison]:
        new = [given[version] for version in sorted(given) if version >= first]
        # A shard gets whole runs, in order: versions that its cursor lacks went to other shards.
        if new and run.shard is None and len(new) != upto - first + 1:
            new = self._read(run.stream, first - 1, upto, given)
        again: list[Event | Poison] = []
        if self._cursors.durable:
            again = [given[version] for version in sorted(run.again) if version < first]
            if again and self._gathers(run):
                # The process that crashed with these may have gathered later ones too, up to the
                # cursor.
                last = again[-1].originator_version
                again += self._log.events(run.stream, after=last, upto=first - 1, limit=GATHERED)
        return again + new

    def _do(self, run: Run, events: Sequence[Event]) -> None:
        self._parts.apply(run.stream, events, run.shard)

    def _give_up(self, run: Run, error: Exception) -> None:
        head = self._log.head(run.stream)
        versions = sorted(
            {e.originator_version for e in run.events if e.originator_version <= head}
        )
        for version in versions:
            self._park(run.stream, version, type(error).__name__)
        if versions:
            self._claim(run, versions[0], versions[-1])
            self.consumer.skip(run.stream, versions[-1])

    def redrive(self, stream: str) -> None:
        """Drops the parked events of a stream. They are not handed on again: their recipients have
        requested them since."""
        upto = 2**32 if stream == UNKNOWN else self._log.head(stream)
        self._progress.unpark(self.consumer.name, stream, upto)
