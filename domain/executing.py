"""Deciding commands, and the executor that writes at once (rules 2, 4 and 6)."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from eventsourcing.persistence import IntegrityError, PersistenceError, StoredEvent

from domain.aggregate import Aggregate, Command
from domain.caching import SizedCache
from domain.errors import BeyondWindow, CommandIdReused, Internal, ParleyError, RoomBusy, Throttled
from domain.log import EventLog
from domain.person.memberships import Memberships
from domain.person.person import Person
from domain.ports.commands import Executor, Outcome, Reply
from domain.projections.views import Views
from domain.room.tail import Tail

ATTEMPTS = 10
"""Tries of a command, lost or throttled, before it is answered `room_busy`."""

PAUSE = 0.02
"""Seconds: the second try waits up to twice that, each later one up to twice its forerunner, at
most 0.64. Twenty writers in one room need that much to let each other by."""

CHECKPOINT_BYTES = 32 * 2**20
"""Bytes of states as they were last folded that are kept: some 20 KB a room, 300 KB where it has
10,000 members, megabytes for a person with as many rooms."""

MAX_TAIL = 1_000
"""Messages that deciding keeps of a room before it begins anew from the view."""

MAX_TAIL_BYTES = 2**20
"""The same by size: a message has 16 KB at most. While the view stands still, what the tail has
grown by since it began counts alone."""


MAX_LAG = 1_000
"""Events that deciding folds onto a view that lags, some 90 ms; with more, commands that need a
message are answered `room_busy` until the view has caught up."""


class Decider:
    """Decides a command on an aggregate, with what the aggregate does not hold itself.

    Parameters
    ----------
    alone: whether this process alone appends: then what it reads of people may be kept.
    """

    def __init__(self, log: EventLog, views: Views, alone: bool = False) -> None:
        self._log = log
        self._views = views
        self._alone = alone

    def decide(self, aggregate: Aggregate, command: Command) -> Outcome:
        """Returns the command's outcome; events that it decides are pending after."""
        try:
            known = aggregate.recall(command)
            if known is None:
                known = self._late(aggregate, command)
            if known is not None:
                return known
            return aggregate.decide(command, lambda version: self._message(aggregate, version))
        except ParleyError as refusal:
            # Its traceback holds the frames of its callers, and they hold the outcomes: a circle
            # that only the garbage collector would undo.
            return refusal.with_traceback(None)

    def _late(self, aggregate: Aggregate, command: Command) -> int | None:
        """Returns the version that answered a command which the window forgot.

        Raises
        ------
        BeyondWindow: the log is to be searched first. Never for somebody who was no member, whose
            frames could cost a search each.
        """
        if command.found is not None:
            version, digest = command.found
            if digest != command.digest:
                raise CommandIdReused
            return version
        if command.since is None:
            return None
        after = max(command.since, command.sought)
        if after >= aggregate.forgotten or not self._belonged(aggregate, command.by):
            return None
        # What is appended from now on is in the window, or searched next.
        seen = aggregate.version - len(aggregate.pending)
        raise BeyondWindow(after, min(aggregate.forgotten, seen), seen)

    def _belonged(self, aggregate: Aggregate, user: str) -> bool:
        """Returns whether the person is a member or was one, as their own log says."""
        if aggregate.knows(user):
            return True
        person = self._log.load(user) if self._alone else self._log.read(user)
        return isinstance(person, Person) and aggregate.id in person.part(Memberships).by_room

    def _message(self, aggregate: Aggregate, version: int) -> dict[str, Any] | None:
        """Folds one message to the aggregate's head: the view's, then the log's tail."""
        tail, aggregate.tail = aggregate.tail, None
        saved = aggregate.version - len(aggregate.pending)
        if tail is not None and saved - tail.version > MAX_LAG:
            tail = None  # nobody looked for so long that the view is nearer
        if tail is None or len(tail.messages) > MAX_TAIL or tail.weight > MAX_TAIL_BYTES:
            tail = self._begin_tail(aggregate.id, tail)
        if saved - tail.version > MAX_LAG:
            raise RoomBusy("the room is being prepared; try again")
        if tail.version < saved:
            tail.apply_all(e.wire() for e in self._log.events(aggregate.id, after=tail.version))
        tail.apply_all(event.wire() for event in aggregate.pending)
        if tail.first is None:
            tail.first = tail.weight
        message = tail.message(version)
        # Kept only now: a read that fails midway leaves an event half applied.
        aggregate.tail = tail
        self._log.cache.weigh(aggregate.id, aggregate)
        return message

    def _begin_tail(self, room: str, former: Tail | None) -> Tail:
        """Returns a tail that begins with the view; the former one where a new one would fold the
        same events again, at each command until the view moves."""
        header = self._views.header(room)
        version = header["version"] if header is not None else 0
        if (
            former is not None
            and former.since == version
            and len(former.messages) <= MAX_TAIL
            # Bounded also where the view stands still since nothing happens: refused commands
            # load messages all the same.
            and former.grown() <= MAX_TAIL_BYTES
        ):
            return former
        tail = Tail(lambda wanted: self._views.message(room, wanted))
        if header is not None:
            tail.restore(header)
        return tail


Announce = Callable[[Sequence[StoredEvent]], Callable[[], None]]
"""Begins to tell of events that were appended; returns what waits until that ended. See
DirectExecutor."""


def unannounced(events: Sequence[StoredEvent]) -> Callable[[], None]:
    """Tells nobody: an Announce for where the feed suffices."""
    return lambda: None


Report = Callable[[str, Exception], None]
"""Told of a log's snapshot that could not be saved."""


def unreported(log_id: str, error: Exception) -> None:
    """Tells nobody: a Report for tests."""


@dataclass(frozen=True, slots=True)
class _Appended:
    outcomes: list[Outcome]
    events: Sequence[StoredEvent] = ()
    snapshot: StoredEvent | None = None


class DirectExecutor:
    """Appends with one conditional write a command batch; what a Lambda does.

    For one thread: others' decisions on the same cached aggregate would mix with its own.

    Parameters
    ----------
    pause: called with the seconds to wait before the next attempt.
    announce: called with what was appended, before the reply, as a shortcut for consumers that
        the feed reaches later. What it returns is called after the reply: whoever replies need
        not wait for it, and it has ended when `execute` returns, since a Lambda is frozen then.
        Both keep their failures to themselves: the commands are answered, and the feed brings
        what they did not.
    report: called with a log and why its snapshot was not saved.

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
        """Decides, appends, and replies while it announces; a snapshot that is due comes last.

        Throttled appends are tried again as lost ones are, throttled reads were; what lasts is
        answered as `room_busy`. A retry by the client is exact whatever was appended.

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
                # The events are durable and answered: what fails here is only missing, and is
                # tried again with one of the next events.
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
                # From memory: others wrote since it was folded, which says nothing of right now.
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
        """Decides and appends once; None where that was on a stale aggregate.

        Whatever it raises, the aggregate is forgotten.
        """
        fresh = self._log.cached(log_id) is None
        try:
            aggregate = self._fold(log_id) if fresh else self._log.load(log_id)
            before = aggregate.version
            outcomes, written = self._decide(aggregate, commands)
            events = aggregate.collect_events()
            # A stale aggregate that refuses, or finds nothing to change, meets no conditional
            # write: that is final only at the head.
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
        """Folds the log to its head, from where it was folded last.

        A lost race leaves an aggregate with events that never happened, so deciding again
        cannot go on with it. With many processes in a room that is most messages: to read but
        the tail then is what keeps a lost race cheaper than a push to one more person.
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
        """Returns the outcomes, and whether every command has an event to be written."""
        outcomes, written = [], True
        for command in commands:
            before = len(aggregate.pending)
            outcomes.append(self._decider.decide(aggregate, command))
            written = written and len(aggregate.pending) > before
        return outcomes, written

    def _insert(self, events: Sequence[StoredEvent], attempts: Iterator[int]) -> None:
        """Appends, and where that is throttled tries the same again while attempts are left.

        Deciding again would fold the room from a table that has enough to do; the write is
        conditional either way.
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
    """Returns the versions of accepted commands; raises the first refusal."""
    versions: list[int] = []
    for outcome in outcomes:
        if isinstance(outcome, ParleyError):
            raise outcome
        versions.append(outcome)
    return versions
