"""Deciding commands, and the executor that writes at once (rules 2, 4 and 6)."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from eventsourcing.persistence import IntegrityError, PersistenceError

from domain.aggregate import Aggregate, Command, Event
from domain.errors import CommandIdReused, Internal, ParleyError, RoomBusy
from domain.log import EventLog
from domain.ports import Executor, Outcome, Reply, Views
from domain.projections.room_view import RoomView

ATTEMPTS = 10
"""Conditional writes that a command may lose before it is answered `room_busy`."""

MAX_TAIL = 1_000
"""Messages that deciding keeps of a room before it begins anew from the view."""


class Decider:
    """Decides a command on an aggregate, with what the aggregate does not hold itself."""

    def __init__(self, log: EventLog, views: Views) -> None:
        self._log = log
        self._views = views

    def decide(self, aggregate: Aggregate, command: Command) -> Outcome:
        """Returns the command's outcome; events that it decides are pending after."""
        try:
            known = aggregate.recall(command)
            if known is None:
                known = self._search(aggregate, command)
            if known is not None:
                return known
            return aggregate.decide(command, lambda version: self._message(aggregate, version))
        except ParleyError as refusal:
            return refusal

    def _search(self, aggregate: Aggregate, command: Command) -> int | None:
        """Looks for a late retry in the part of the log that the window forgot."""
        since = command.since
        if since is None or since >= aggregate.forgotten:
            return None
        found: Event | None = None
        for event in self._log.events(aggregate.id, after=since, upto=aggregate.forgotten):
            if event.by == command.by and event.id == command.id:
                found = event
        if found is None:
            return None
        if found.digest != command.digest:
            raise CommandIdReused
        return found.originator_version

    def _message(self, aggregate: Aggregate, version: int) -> dict[str, Any] | None:
        """Folds one message to the aggregate's head: the view's, then the log's tail."""
        tail = aggregate.tail
        if tail is None or len(tail.messages) > MAX_TAIL:
            tail = aggregate.tail = self._begin_tail(aggregate.id)
        saved = aggregate.version - len(aggregate.pending)
        if tail.version < saved:
            tail.apply_all(e.wire() for e in self._log.events(aggregate.id, after=tail.version))
        tail.apply_all(event.wire() for event in aggregate.pending)
        return tail.message(version)

    def _begin_tail(self, room: str) -> RoomView:
        header = self._views.header(room)
        tail = RoomView(lambda wanted: self._views.message(room, wanted))
        return tail if header is None else tail.restore(header)


class DirectExecutor:
    """Appends with one conditional write a command batch; what a Lambda does.

    Parameters
    ----------
    pause: called with the seconds to wait before the next attempt.
    """

    def __init__(
        self, log: EventLog, views: Views, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._log = log
        self._decider = Decider(log, views)
        self._pause = pause
        self.conflicts = 0

    def execute(self, log_id: str, commands: Sequence[Command], reply: Reply) -> None:
        reply(self._outcomes(log_id, commands))

    def _outcomes(self, log_id: str, commands: Sequence[Command]) -> list[Outcome]:
        for attempt in range(ATTEMPTS):
            fresh = self._log.cached(log_id) is None
            aggregate = self._log.load(log_id)
            before = aggregate.version
            try:
                outcomes, written = self._decide(aggregate, commands)
            except BaseException:
                self._log.evict(log_id)
                raise
            events = aggregate.collect_events()
            # A stale aggregate that refuses, or finds nothing to change, meets no conditional
            # write: that is final only at the head.
            if not fresh and not written:
                self._log.evict(log_id)
                continue
            if not events or self._append(aggregate, events, before):
                return outcomes
            self.conflicts += 1
            self._pause(random.uniform(0, 0.01 * 2 ** min(attempt, 5)))
        return [RoomBusy() for _ in commands]

    def _decide(
        self, aggregate: Aggregate, commands: Sequence[Command]
    ) -> tuple[list[Outcome], bool]:
        """Returns the outcomes, and whether every command has an event to be written."""
        outcomes, written = [], True
        for command in commands:
            before = len(aggregate.pending)
            outcomes.append(self._decider.decide(aggregate, command))
            written = written and len(aggregate.pending) > before
        return outcomes, written

    def _append(self, aggregate: Aggregate, events: Sequence[Event], before: int) -> bool:
        try:
            self._log.recorder.insert_events(self._log.stored(events))
        except IntegrityError:
            self._log.evict(aggregate.id)
            return False
        except BaseException:
            self._log.evict(aggregate.id)
            raise
        self._log.keep(aggregate)
        snapshot = self._log.snapshot(aggregate, before)
        if snapshot is not None:
            # The events are durable: a snapshot that fails is only missing.
            with suppress(PersistenceError):
                self._log.snapshot_store.recorder.insert_events([snapshot])
        return True


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
    """Returns the versions of accepted commands; raises the first refusal."""
    versions: list[int] = []
    for outcome in outcomes:
        if isinstance(outcome, ParleyError):
            raise outcome
        versions.append(outcome)
    return versions
