"""Folding views anew beside those that are read (docs/adr/0013): no read fails or goes back in
time meanwhile, and nothing but views is touched."""

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
"""Events folded between two saves: what a crash has to do again."""

GRACE = 3_600.0
"""Seconds that a replaced generation's rows stay for those who are reading them."""

ATTEMPTS = 20
"""Times that the live fold may be further along when the new one is done."""


class StillMoving(Exception):
    """The live fold was faster each time."""


@dataclass(frozen=True, slots=True)
class _Built:
    views: Views
    log: EventLog
    vault: Vault


class _Refold(Consuming):
    """Folds one stream from its log; notes what could not be applied."""

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
    """Folds streams into a new generation of the views and has it read.

    A run is named by the generation that it builds, the time in milliseconds. The same run again,
    after a crash, goes on where it stopped; a later run begins anew.

    Parameters
    ----------
    now: the time as events write it.
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
        """Folds a stream anew; returns its version, 0 where this run or a later one had done it.

        What was parked stays parked where it fails again, and is forgotten where it did not.

        Raises
        ------
        StillMoving: the live fold was faster each time.
        """
        if self._generations.generation(stream_of(stream)) >= run or not self._log.head(stream):
            return 0
        name = ProjectViews.name
        folding = _Refold(
            self._generations.building(run), self._log, self._vault, self._progress, self._now
        )
        resumed = folding.last(stream)
        # Of what an earlier attempt folded nobody knows now what failed: it stays parked.
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
        """Folds streams anew, one after the other; returns how many events that were."""
        events = 0
        for stream in streams:
            events += self.rebuild(stream, run)
            done(stream)
        self.clean()
        return events

    def redrive(self, run: int) -> int:
        """Folds anew what has parked events of the views; returns how many streams that were."""
        name = ProjectViews.name
        streams = sorted({one.stream for one in self._progress.parked() if one.consumer == name})
        if UNKNOWN in streams:
            # Of those there is no log: what they told, the streams' own folds find.
            streams.remove(UNKNOWN)
            self._progress.unpark(name, UNKNOWN, 2**32)
        self.rebuild_all(streams, run)
        return len(streams)

    def clean(self) -> int:
        """Deletes rows of generations that nobody reads any more; returns how many."""
        return self._generations.clean(self._seconds() - GRACE)
