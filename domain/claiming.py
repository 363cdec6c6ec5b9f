"""Consumers with an effect outside: what they did last is a cursor that processes share.

The cursor is moved before the events are handed on: in order that is one conditional write and
no read, and of two that have the same events one alone goes on. A failure moves it back. One
that nobody could move back, since its process died, shows as a record that was handed out
before: those are handed on again. So each event is handed on at least once, and once where
nothing died.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock
from typing import Protocol

from domain.aggregate import Event
from domain.consuming import TRANSIENT, UNKNOWN, Consuming, Poison, Run, Transient
from domain.log import EventLog, is_person
from domain.ports.connections import Shard
from domain.ports.consumers import Cursors, Progress

GATHERED = 100
"""Events that are added to those of a batch at the most."""

ATTEMPTS = 4
"""Tries to move a cursor that somebody else moves too."""


class ProcessCursors:
    """Cursors of one process, in memory: losing one costs nothing, since a consumer begins with
    what comes."""

    durable = False
    SIZE = 10_000
    """Lanes remembered; the longest unused goes first."""

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
    """A consumer that can be asked to serve one shard of a room alone."""

    name: str
    gapless: bool

    def last(self, stream: str) -> int | None: ...

    def apply(self, stream: str, events: Sequence[Event], shard: Shard | None = None) -> None: ...

    def skip(self, stream: str, version: int) -> None: ...

    def reset(self, stream: str) -> None: ...


class Claiming(Consuming):
    """Feeds records to a consumer whose place is a cursor.

    Where a room's cursor was moved less than `window` seconds ago, the rest of the window is waited
    out, and what the log has by then is handed on with the records: the records of those events
    find nothing to do when they come.

    Parameters
    ----------
    window: 0 to hand on what comes at once.
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
                # If this fails too, the records' next coming tells.
                with suppress(*TRANSIENT):
                    self._cursors.retreat(self._lane(run), first, upto)
            raise

    def _gathers(self, run: Run) -> bool:
        """Whether the run is of a room's whole lane, and rooms are gathered."""
        return self._window > 0 and run.shard is None and not is_person(run.stream)

    def _gather(self, run: Run, given: dict[int, Event | Poison], upto: int) -> int:
        """Waits out the window of a busy room, and adds what its log has by then to `given`;
        returns the last version that is then to be done."""
        if not self._gathers(run):
            return upto
        lane = self._lane(run)
        left = self._cursors.moved_before(lane) + self._window - self._seconds()
        if left <= 0:
            return upto
        # Clocks of processes differ a little; nobody waits longer than the window.
        self._pause(min(left, self._window))
        try:
            found = self._log.events(run.stream, after=upto, limit=GATHERED)
        except Exception:
            # Their own records bring them, and park what cannot be read.
            return upto
        if not found:
            return upto
        last = found[-1].originator_version
        try:
            if self._cursors.advance(lane, upto + 1, last) is not None:
                return upto
        except TRANSIENT:
            # Whether it moved is not known: what follows takes it back with the rest.
            self._cursors.retreat(lane, upto + 1, last)
            return upto
        given.update({event.originator_version: event for event in found})
        return last

    def _claim(self, run: Run, first: int, upto: int) -> int:
        """Moves the cursor to `upto`; returns the first version that is then to be done."""
        for _ in range(ATTEMPTS):
            try:
                stands = self._cursors.advance(self._lane(run), first, upto)
            except TRANSIENT:
                # It may have moved all the same. Left there, the versions between the cursor's
                # old place and the records, which no record brings again, would count as done.
                with suppress(*TRANSIENT):
                    self._cursors.retreat(self._lane(run), first, upto)
                raise
            if stands is None:
                return first
            first = stands + 1
            if first > upto:
                return first
        raise Transient(f"the cursor of {run.stream} moved meanwhile")

    def _todo(
        self, run: Run, given: dict[int, Event | Poison], first: int, upto: int
    ) -> list[Event | Poison]:
        new = [given[version] for version in sorted(given) if version >= first]
        # A shard is handed whole runs, in order: what its cursor lacks went by other shards.
        if new and run.shard is None and len(new) != upto - first + 1:
            new = self._read(run.stream, first - 1, upto, given)
        again: list[Event | Poison] = []
        if self._cursors.durable:
            again = [given[version] for version in sorted(run.again) if version < first]
            if again and self._gathers(run):
                # Who died with these may have gathered what follows, up to the cursor.
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
        """Forgets what was parked of a stream. It is not handed on again: who was to have it
        then has asked for it since."""
        upto = 2**32 if stream == UNKNOWN else self._log.head(stream)
        self._progress.unpark(self.consumer.name, stream, upto)
