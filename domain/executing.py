"""The executor that writes immediately, and waiting for any executor (rules 2 to 4)."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from eventsourcing.persistence import IntegrityError, PersistenceError, StoredEvent

from domain.aggregate import Aggregate, Command
from domain.caching import SizedCache
from domain.deciding import Decider
from domain.errors import Internal, ParleyError, RoomBusy, Throttled
from domain.log import EventLog
from domain.ports.commands import Executor, Outcome, Reply
from domain.projections.views import Views

ATTEMPTS = 10
"""Attempts of a command, lost or throttled, before it is answered `room_busy`."""

PAUSE = 0.02
"""Seconds: the second attempt waits up to twice that, each later one up to twice the one before, at
most 0.64. Twenty writers in one room need that much to avoid each other."""

CHECKPOINT_BYTES = 32 * 2**20
"""Bytes of cached last folded states: about 20 KB a room, 300 KB with 10,000 members, megabytes for
a person with as many rooms."""

Announce = Callable[[Sequence[StoredEvent]], Callable[[], None]]
"""Begins to publish appended events; returns a function that waits for the end. See
DirectExecutor."""


def unannounced(events: Sequence[StoredEvent]) -> Callable[[], None]:
    """Publishes nothing: an Announce for runtimes where the feed is enough."""
    return lambda: None


Report = Callable[[str, Exception], None]
"""Called with a log's snapshot that could not be saved."""


def unreported(log_id: str, error: Exception) -> None:
    """Reports nothing: for tests."""


@dataclass(frozen=True, slots=True)
class _Appended:
    outcomes: list[Outcome]
    events: Sequence[StoredEvent] = ()
    snapshot: StoredEvent | None = None


class DirectExecutor:
    """Appends a command batch with one conditional write; used on Lambda.

    For one thread only: decisions of other threads on the same cached aggregate would mix.

    Parameters
    ----------
    pause: called with the seconds to wait before the next attempt.
    announce: called with the appended events, before the reply, as a shortcut for consumers that
        the feed reaches later. The function that it returns is called after the reply: the reply
        does not wait for it, and it has ended when `execute` returns, because a Lambda is frozen
        then. Neither raises: the commands are answered, and the feed brings the events anyway.
    report: called with a log and the reason why its snapshot was not saved.

    Attributes
    ----------
    conflicts: appends that were lost to another writer.
    """

    def __init__(
        self,
        log: EventLog,
        views: Views,
        pause: Callable[[float], None] = time.sleep,
        announce: Announce = unannounced,
        report: Report = unreported,
    ) -> None:
        self._log = log
        self._decider = Decider(log, views)
        self._pause = pause
        self._announce = announce
        self._report = report
        self.checkpoints: SizedCache[str, StoredEvent] = SizedCache(
            CHECKPOINT_BYTES, lambda checkpoint: len(checkpoint.state)
        )
        self.conflicts = 0

    def execute(self, log_id: str, commands: Sequence[Command], reply: Reply) -> None:
        """Decides, appends, and replies while it announces; a due snapshot comes last.

        Throttled appends are retried like lost ones; throttled reads were already retried. A
        lasting failure is answered `room_busy`. A retry by the client is recognised, whatever was
        appended.

        Raises
        ------
        eventsourcing.persistence.PersistenceError: the log failed otherwise.
        """
        done = self._done(log_id, commands)
        announced = self._announce(done.events) if done.events else unannounced(())
        try:
            reply(done.outcomes)
        finally:
            announced()
        if done.snapshot is not None:
            try:
                self._log.save_snapshot(done.snapshot)
            except (PersistenceError, Throttled) as error:
                # The events are durable and answered: after a failure here only the snapshot is
                # missing, and one of the next events retries it.
                self._report(log_id, error)

    def _done(self, log_id: str, commands: Sequence[Command]) -> _Appended:
        attempts, contended = iter(range(ATTEMPTS)), False
        for attempt in attempts:
            if contended:
                self._wait(attempt)
            cached = self._log.cached(log_id) is not None
            contended = False
            try:
                appended = self._attempt(log_id, commands, attempts)
            except IntegrityError:
                self.conflicts += 1
                # From memory: others wrote since it was folded, which does not mean that they write
                # now.
                contended = not cached
            except Throttled as refusal:
                return _Appended([refusal for _ in commands])
            else:
                if appended is not None:
                    return appended
        return _Appended([RoomBusy() for _ in commands])

    def _wait(self, attempt: int) -> None:
        self._pause(random.uniform(0, PAUSE * 2 ** min(attempt, 5)))

    def _attempt(
        self, log_id: str, commands: Sequence[Command], attempts: Iterator[int]
    ) -> _Appended | None:
        """Decides and appends once; None if the aggregate was stale.

        After any exception the aggregate is dropped.
        """
        fresh = self._log.cached(log_id) is None
        try:
            aggregate = self._fold(log_id) if fresh else self._log.load(log_id)
            before = aggregate.version
            outcomes, written = self._decide(aggregate, commands)
            events = aggregate.collect_events()
            # A refusal or a no-op of a stale aggregate is not checked by a conditional write: it is
            # final only at the head.
            if not fresh and not written:
                self._log.evict(log_id)
                return None
            if not events:
                return _Appended(outcomes)
            stored = self._log.stored(events)
            self._insert(stored, attempts)
        except BaseException:
            self._log.evict(log_id)
            raise
        self._log.keep(aggregate)
        snapshot = self._log.snapshot(aggregate, before)
        if snapshot is not None:
            self._remember(log_id, snapshot)
        return _Appended(outcomes, stored, snapshot)

    def _fold(self, log_id: str) -> Aggregate:
        """Folds the log to its head, from the last folded state.

        A lost race leaves an aggregate with events that were not appended, so deciding again cannot
        use it. With many processes in a room, this is the case for most messages: because only the
        tail is read, a lost race is cheaper than a push to one more person.
        """
        known = self.checkpoints.get(log_id)
        aggregate = self._log.catch_up(known) if known else None
        if aggregate is None:
            aggregate = self._log.load(log_id)
        if aggregate.version:
            self._remember(log_id, self._log.checkpoint(aggregate))
        return aggregate

    def _remember(self, log_id: str, checkpoint: StoredEvent) -> None:
        self.checkpoints.put(log_id, checkpoint)

    def _decide(
        self, aggregate: Aggregate, commands: Sequence[Command]
    ) -> tuple[list[Outcome], bool]:
        """Returns the outcomes, and whether every command has an event to write."""
        outcomes, written = [], True
        for command in commands:
            before = len(aggregate.pending)
            outcomes.append(self._decider.decide(aggregate, command))
            written = written and len(aggregate.pending) > before
        return outcomes, written

    def _insert(self, events: Sequence[StoredEvent], attempts: Iterator[int]) -> None:
        """Appends; if that is throttled, retries the same append while attempts are left.

        Deciding again would read the room from an overloaded table; the write is conditional in
        both cases.
        """
        while True:
            try:
                self._log.recorder.insert_events(events)
                return
            except Throttled:
                attempt = next(attempts, None)
                if attempt is None:
                    raise
                self._wait(attempt)


WAIT = 30.0
"""Seconds to wait for an executor that replies later."""


def outcomes_of(
    executor: Executor, batches: Sequence[tuple[str, Sequence[Command]]]
) -> list[Sequence[Outcome]]:
    """Executes batches on their logs and waits for all; for threads that may block.

    Raises
    ------
    Internal: the executor did not reply within WAIT seconds.
    """
    results: list[Sequence[Outcome]] = [()] * len(batches)
    done = threading.Semaphore(0)

    def keep(index: int, outcomes: Sequence[Outcome]) -> None:
        results[index] = outcomes
        done.release()

    for index, (log_id, commands) in enumerate(batches):
        executor.execute(log_id, commands, partial(keep, index))
    for _ in batches:
        if not done.acquire(timeout=WAIT):
            raise Internal
    return results


def versions_of(outcomes: Sequence[Outcome]) -> list[int]:
    """Returns the versions of accepted commands; raises the first error."""
    versions: list[int] = []
    for outcome in outcomes:
        if isinstance(outcome, ParleyError):
            raise outcome
        versions.append(outcome)
    return versions
