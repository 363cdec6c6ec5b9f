"""Group commit: waiting commands of all rooms are decided in turn and appended in one transaction,
then acknowledged (docs/architecture.md)."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from adapters.sqlite.events import SqliteEvents
from domain.aggregate import Aggregate, Command
from domain.deciding import Decider
from domain.errors import Internal
from domain.log import EventLog, envelope
from domain.ports.commands import Outcome, Reply
from functions.observing import logger, report
from local.committing import CommitThread
from local.waiting import Group, Waiting, behind, command_of

ATTEMPTS = 3
"""Failed appends of a command after which it is answered `internal`."""

MAX_COMMANDS = 1_000
"""Maximum of commands decided before a commit: limits how long the first of them waits."""

TURN = 0.02
"""Seconds for which commands are decided before the loop handles everything else; the rest waits
for the next group."""

FOLDED_HERE = 30
"""A log that is not in memory is folded on the loop if it has at most this many events, about 3 ms;
a longer one is folded on a thread first."""

Publish = Callable[[Sequence[tuple[int, bytes]]], None]


class GroupCommitExecutor:
    """Implements the Executor port on an event loop.

    Parameters
    ----------
    publish: called with (notification id, envelope) of committed events, in order.

    Attributes
    ----------
    commits: transactions so far.
    failed_at: time of the last failed append, by the loop's clock; None after a successful one.
    appended: events so far.
    """

    def __init__(
        self,
        log: EventLog,
        decider: Decider,
        store: SqliteEvents,
        loop: asyncio.AbstractEventLoop,
        publish: Publish,
    ) -> None:
        self._log = log
        self._decider = decider
        self._store = store
        self._loop = loop
        self._publish = publish
        self._waiting: list[Waiting] = []
        self._folding: dict[str, list[Waiting]] = {}
        """Commands that wait while their logs are folded."""
        self._committing = False
        self._scheduled = False
        self._thread = threading.get_ident()
        self._disk = CommitThread(loop)
        self._folders = ThreadPoolExecutor(1, thread_name_prefix="parley-fold")
        self._idle = asyncio.Event()
        self._idle.set()
        self.commits = 0
        self.appended = 0
        self.conflicts = 0
        self.failed_at: float | None = None

    def execute(self, log_id: str, commands: Sequence[Command], reply: Reply) -> None:
        """Queues commands; safe to call from any thread. `reply` runs on the loop."""
        waiting = Waiting(log_id, commands, reply)
        if threading.get_ident() == self._thread:
            self._enqueue(waiting)
        else:
            self._loop.call_soon_threadsafe(self._enqueue, waiting)

    def _enqueue(self, waiting: Waiting) -> None:
        self._waiting.append(waiting)
        self._idle.clear()
        self._schedule()

    def _schedule(self) -> None:
        if not self._committing and not self._scheduled:
            # Once per loop tick, so that all frames that arrived together share a commit.
            self._scheduled = True
            self._loop.call_soon(self._run)

    def _run(self) -> None:
        self._scheduled = False
        if self._waiting and not self._committing:
            self._write(self._decide())
        if self._waiting:
            # The rest of this turn, once the loop has handled everything else.
            self._schedule()
        if not self._waiting and not self._committing and not self._folding:
            self._idle.set()

    def _write(self, group: Group) -> None:
        """Inserts a group's events and starts the commit; answers the group if there are none."""
        if not group.stored:
            self._answer(group)
            return
        try:
            append = self._store.begin()
            ids = append.insert(group.stored, group.snapshots)
        except Exception as error:
            # After any failure the aggregates of the group are ahead of their logs.
            self._failed(group, error)
            return
        self._committing = True
        self._disk.run(append.commit, partial(self._committed, group, ids))

    def _decide(self) -> Group:
        """Decides waiting commands, log by log, for a turn; the rest waits for the next one."""
        group = Group([], [], [], [])
        by_log: dict[str, list[Waiting]] = {}
        taken = 0
        for index, waiting in enumerate(self._waiting):
            if taken and taken + len(waiting.commands) > MAX_COMMANDS:
                left = self._waiting[index:]
                break
            taken += len(waiting.commands)
            by_log.setdefault(waiting.log_id, []).append(waiting)
        else:
            left = []
        late: list[Waiting] = []
        rest: list[Waiting] = []
        until = time.monotonic() + TURN
        for log_id, entries in by_log.items():
            if group.answered and time.monotonic() > until:
                late += entries
            else:
                # At most one log has a rest: then the turn is over, and all later ones wait.
                rest += self._decide_log(group, log_id, entries, until)
        self._waiting = behind(rest, late + left)
        return group

    def _folds(self, log_id: str, entries: list[Waiting]) -> bool:
        """Starts a thread that folds a log that is not in memory, if it is long; returns whether
        its commands wait for it."""
        if log_id in self._folding:
            self._folding[log_id] += entries
            return True
        if self._log.unfolded(log_id) <= FOLDED_HERE:
            return False
        self._folding[log_id] = list(entries)
        folded = self._loop.run_in_executor(self._folders, self._log.at_head, log_id)
        folded.add_done_callback(partial(self._folded, log_id))
        return True

    def _folded(self, log_id: str, done: "asyncio.Future[Aggregate]") -> None:
        """Caches a thread's fold and continues with the waiting commands. If the log has grown in
        the meantime, the append fails and they are decided again."""
        entries = self._folding.pop(log_id)
        error = done.exception()
        if error is not None:
            report(error)
            for entry in entries:
                self._reply(entry, [Internal() for _ in entry.commands])
        else:
            if self._log.cached(log_id) is None:
                self._log.keep(done.result())
            self._waiting = entries + self._waiting
        if not self._committing:
            self._run()

    def _decide_log(
        self, group: Group, log_id: str, entries: list[Waiting], until: float
    ) -> list[Waiting]:
        """Decides a log's commands, at least the first entry's; returns the entries that are left
        when the turn is over."""
        answered: list[tuple[Waiting, list[Outcome]]] = []
        left: list[Waiting] = []
        try:
            aggregate = None if log_id in self._folding else self._log.cached(log_id)
            if aggregate is None:
                if self._folds(log_id, entries):
                    return []
                aggregate = self._log.load(log_id)
            before = aggregate.version
            for index, entry in enumerate(entries):
                if index and time.monotonic() > until:
                    left = entries[index:]
                    break
                decided = [self._decider.decide(aggregate, command) for command in entry.commands]
                answered.append((entry, decided))
            events = aggregate.collect_events()
            stored = self._log.stored(events)
            snapshot = self._log.snapshot(aggregate, before) if events else None
        except Exception as error:
            # An error in deciding must not leave half-decided state.
            at_fault = entries[len(answered)] if len(answered) < len(entries) else None
            report(error, stream=log_id, correlation_id=command_of(at_fault))
            self._log.evict(log_id)
            answered = [(entry, [Internal() for _ in entry.commands]) for entry in entries]
            group.answered.extend(answered)
            return []
        group.answered.extend(answered)
        if events:
            self._log.keep(aggregate)
            group.logs.append(log_id)
            group.stored.extend(stored)
            if snapshot is not None:
                group.snapshots.append(snapshot)
        return left

    def _committed(self, group: Group, ids: Sequence[int], error: BaseException | None) -> None:
        self._committing = False
        if error is not None:
            self._failed(group, error)
            self._run()
            return
        self.commits += 1
        self.failed_at = None
        self.appended += len(ids)
        for snapshot in group.snapshots:
            self._log.snapshot_saved(snapshot)
        # The next group goes to the disk first: it is written while this one is delivered.
        self._run()
        self._answer(group)
        self._publish(
            [(id, envelope(stored)) for id, stored in zip(ids, group.stored, strict=True)]
        )

    def _failed(self, group: Group, error: BaseException) -> None:
        """Drops the aggregates that ran ahead of the log and decides again."""
        logger.error("append failed", extra={"error": type(error).__name__})
        self.conflicts += 1
        self.failed_at = self._loop.time()
        for log_id in group.logs:
            self._log.evict(log_id)
        again = []
        for waiting, _ in group.answered:
            waiting.attempts += 1
            if waiting.attempts < ATTEMPTS:
                again.append(waiting)
            else:
                self._reply(waiting, [Internal() for _ in waiting.commands])
        self._waiting = again + self._waiting

    def _answer(self, group: Group) -> None:
        for waiting, outcomes in group.answered:
            self._reply(waiting, outcomes)

    @staticmethod
    def _reply(waiting: Waiting, outcomes: Sequence[Outcome]) -> None:
        try:
            waiting.reply(outcomes)
        except Exception as error:
            report(error)

    async def drain(self) -> None:
        """Waits until no command waits and nothing is being written."""
        await self._idle.wait()

    def close(self) -> None:
        self._disk.close()
        self._folders.shutdown()
