"""Rebuilds views next to those that are read (docs/adr/0013): no read fails or goes back in time,
and only views change."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from domain.chat.projecting import ProjectViews
from domain.consuming import UNKNOWN, Consuming, Run
from domain.log import EventLog
from domain.ports.consumers import Progress
from domain.ports.vault import Vault
from domain.projections.rows import stream_of
from domain.projections.store import Generations, ViewStore
from domain.projections.views import Views

CHUNK = 500
"""Events folded between two saves; after a crash at most these are folded again."""

GRACE = 3_600.0
"""Seconds for which a replaced generation's rows stay for running reads."""

ATTEMPTS = 20
"""Number of times that the live fold may be ahead when the new one is done."""


class StillMoving(Exception):
    """The live fold was ahead each time."""


@dataclass(frozen=True, slots=True)
class _Built:
    views: Views
    log: EventLog
    vault: Vault


class _Refold(Consuming):
    """Folds one stream from its log; records events that could not be applied."""

    def __init__(
        self,
        store: ViewStore,
        log: EventLog,
        vault: Vault,
        progress: Progress,
        now: Callable[[], str],
    ) -> None:
        super().__init__(ProjectViews(_Built(Views(store), log, vault)), log, progress, now)
        self.failed: set[int] = set()

    def last(self, stream: str) -> int:
        return self.consumer.last(stream) or 0

    def chunk(self, stream: str, head: int) -> None:
        """Folds the next CHUNK events up to `head`."""
        last = self.last(stream)
        found = self._read(stream, last, min(last + CHUNK, head), {})
        self._apply(Run(stream), found)

    def _park(self, stream: str, version: int, reason: str) -> None:
        self.failed.add(version)
        super()._park(stream, version, reason)


class Rebuilding:
    """Folds streams into a new generation of the views and makes readers use it.

    A run is named by the generation that it builds, the time in milliseconds. After a crash, the
    same run continues where it stopped; another run starts from the beginning.

    Parameters
    ----------
    now: the time in the form that events use.
    seconds: the time since the epoch.
    """

    def __init__(
        self,
        log: EventLog,
        vault: Vault,
        generations: Generations,
        progress: Progress,
        now: Callable[[], str],
        seconds: Callable[[], float],
    ) -> None:
        self._log = log
        self._vault = vault
        self._generations = generations
        self._progress = progress
        self._now = now
        self._seconds = seconds

    def new_run(self) -> int:
        return int(self._seconds() * 1_000)

    def rebuild(self, stream: str, run: int) -> int:
        """Rebuilds a stream; returns its version, 0 if this run or a later one has already done it.

        A parked event stays parked if it fails again, and is dropped otherwise.

        Raises
        ------
        StillMoving: the live fold was ahead each time.
        """
        if self._generations.generation(stream_of(stream)) >= run or not self._log.head(stream):
            return 0
        name = ProjectViews.name
        folding = _Refold(
            self._generations.building(run), self._log, self._vault, self._progress, self._now
        )
        resumed = folding.last(stream)
        # It is unknown which events of an earlier attempt failed: they stay parked.
        folding.failed |= {
            parked.version
            for parked in self._progress.parked()
            if (parked.consumer, parked.stream) == (name, stream) and parked.version <= resumed
        }
        for _ in range(ATTEMPTS):
            head = self._log.head(stream)
            while folding.last(stream) < head:
                self._generations.begin(stream_of(stream), run, self._seconds())
                folding.chunk(stream, head)
            if self._generations.adopt(stream_of(stream), run, self._seconds()):
                self._progress.unpark(name, stream, head, keep=folding.failed)
                return head
        raise StillMoving(f"{stream} is being written faster than it is folded; try again")

    def rebuild_all(
        self, streams: Iterable[str], run: int, done: Callable[[str], None] = lambda stream: None
    ) -> int:
        """Rebuilds streams, one after the other; returns the number of events."""
        events = 0
        for stream in streams:
            events += self.rebuild(stream, run)
            done(stream)
        self.clean()
        return events

    def redrive(self, run: int) -> int:
        """Rebuilds streams with parked events of the views; returns the number of streams."""
        name = ProjectViews.name
        streams = sorted({one.stream for one in self._progress.parked() if one.consumer == name})
        if UNKNOWN in streams:
            # These have no log: the rebuilds of the streams themselves find their events.
            streams.remove(UNKNOWN)
            self._progress.unpark(name, UNKNOWN, 2**32)
        self.rebuild_all(streams, run)
        return len(streams)

    def clean(self) -> int:
        """Deletes rows of generations that are no longer read; returns their number."""
        return self._generations.clean(self._seconds() - GRACE)
