"""A durable consumer of the feed: a thread, its position, its retries, and its waiters."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from domain.ports.consumers import Progress
from functions.observing import report
from local.payloads import CONTEXT, Event, failed_records, sqs_event

Handler = Callable[[Event, Any], dict[str, Any]]
Notice = tuple[int, bytes]
After = Callable[[int, int], list[Notice]]

BATCH = 500
"""Records per invocation: SQS gives a FIFO consumer 10, one machine can use more."""

LAG = 1.0
"""Seconds for which a durable consumer gathers events, unless a request waits for it: reads fold
the log's tail, so late views are not visible. Each batch takes time from the loop."""

GATHER = 500
"""Number of events at which a consumer begins before LAG is over: reads fold that many in about 10
ms."""

LINGER = 0.02
"""Seconds instead of LAG once there is an event of a topic that the consumer named."""

BACKOFF = 0.05
"""Seconds before the first retry; doubled for each later one."""

LONGEST_BACKOFF = 10.0
"""Maximum of seconds between retries of a consumer."""

STUCK_AFTER = 5.0
"""Seconds of failures in a row after which a consumer is reported as stuck."""

HUNG_AFTER = 60.0
"""Seconds that one batch may take before its consumer is reported as stuck."""

TOPIC_WITHIN = 512
"""Number of first bytes of an envelope that contain its topic: only the stream's id and the version
come before it."""

MAX_LAG = 20_000
"""Number of events that a consumer may be behind and still count as working, so that lists wait for
it: some seconds of folding."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Options of a durable consumer.

    Attributes
    ----------
    topics: topics of its events; empty for all.
    together: whether its writes and its position are in the views' file, in one transaction.
    """

    handler: Handler
    topics: Sequence[str] = ()
    together: bool = False


Waiter = tuple[int, asyncio.AbstractEventLoop, "asyncio.Future[bool]"]
"""A waiter for a position, and how it is notified."""


class DurableConsumer:
    """One thread that passes events to one handler, from its stored position on.

    Parameters
    ----------
    after: returns a limited number of notices after a position, oldest first.
    """

    def __init__(
        self,
        name: str,
        subscription: Subscription,
        after: After,
        progress: Progress,
    ) -> None:
        self.name = name
        self.subscription = subscription
        # An envelope has its topic before the state, which cannot contain such a text unescaped.
        self._marks = [b'"topic":"%b",' % topic.encode() for topic in subscription.topics]
        self.position = 0
        """Id of the last handled notification; 0 until the thread has read it."""
        self._begun = False
        self._failures = 0
        self._failing: tuple[float, str] | None = None
        """When the consecutive failures began, and the type of the last one."""
        self._busy: float | None = None
        """When the current batch began."""
        self._after = after
        self._progress = progress
        self._woken = threading.Event()
        self._hurry = threading.Event()
        self._soon = False
        """Whether there is an event of a named topic."""
        self._ended = threading.Event()
        self._waiters: list[Waiter] = []
        self._successor: DurableConsumer | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"parley-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self, notices: Sequence[Notice]) -> None:
        """Reports new events; on the loop."""
        self._woken.set()
        if notices[-1][0] - self.position >= GATHER:
            self._hurry.set()
        elif self._marks and not self._soon and any(map(self._wants, notices)):
            self._soon = True
            self._hurry.set()

    def stop(self) -> None:
        self._ended.set()
        self._woken.set()
        self._hurry.set()
        if self._thread.is_alive():
            self._thread.join()

    def behind(self, head: int) -> int:
        """Returns the number of events up to `head` that are not handled yet; 0 until the thread
        has read its position, shortly after the start."""
        return head - self.position if self._begun else 0

    async def reached(self, position: int, timeout: float, loop: asyncio.AbstractEventLoop) -> bool:
        if self.position >= position:
            return True
        future: asyncio.Future[bool] = loop.create_future()
        self._wait((position, loop, future))
        try:
            return await asyncio.wait_for(future, timeout)
        except TimeoutError:
            return False
        finally:
            self._forget(future)

    def _wait(self, waiter: Waiter) -> None:
        with self._lock:
            successor = self._successor
            if successor is None:
                self._waiters.append(waiter)
        if successor is not None:
            successor._wait(waiter)
            return
        self._hurry.set()
        self._woken.set()

    def _forget(self, future: "asyncio.Future[bool]") -> None:
        with self._lock:
            self._waiters = [waiter for waiter in self._waiters if waiter[2] is not future]
            successor = self._successor
        if successor is not None:
            successor._forget(future)

    def take_over(self, stopped: "DurableConsumer") -> None:
        """Replaces a stopped consumer: its waiters wait for this one."""
        with stopped._lock:
            stopped._successor = self
            waiters, stopped._waiters = stopped._waiters, []
        for waiter in waiters:
            self._wait(waiter)

    def trouble(self, head: int) -> str | None:
        """Returns the consumer's trouble; None while it works or was stopped."""
        if self._ended.is_set():
            return None
        if not self._thread.is_alive():
            return "is not running"
        failing = self._failing
        if failing is not None and time.monotonic() - failing[0] >= STUCK_AFTER:
            return f"has failed for {time.monotonic() - failing[0]:.0f} s: {failing[1]}"
        busy = self._busy
        if busy is not None and time.monotonic() - busy >= HUNG_AFTER:
            return f"has been at one batch for {time.monotonic() - busy:.0f} s"
        if head - self.position > MAX_LAG:
            return f"is {head - self.position} events behind"
        return None

    def _run(self) -> None:
        while not self._ended.is_set():
            self._woken.clear()
            self._busy = time.monotonic()
            try:
                done = self._batch()
                self._failures, self._failing = 0, None
                self._tell_waiters()
            except Exception as error:
                self._note(error)
                continue
            finally:
                self._busy = None
            if done < BATCH:
                self._gather()

    def _gather(self) -> None:
        """Waits until there are events and it is time to handle them, or there is a waiter."""
        self._woken.wait()
        if not self._waiters and not self._soon:
            self._hurry.wait(LAG)
        if self._soon:
            self._hurry.clear()
            if not self._waiters:
                self._hurry.wait(LINGER)
            self._soon = False
        self._hurry.clear()

    def _batch(self) -> int:
        """Handles the next notices; returns their number. If it fails, the position does not move,
        and the same notices are handled again."""
        if not self._begun:
            self.position = self._progress.position(self.name)
            self._begun = True
        notices = self._after(self.position, BATCH)
        if notices:
            together = self.subscription.together
            with self._progress.together() if together else nullcontext():
                self._handle([(*notice, 1) for notice in notices if self._wants(notice)])
                self._progress.advance(self.name, notices[-1][0])
            self.position = notices[-1][0]
        return len(notices)

    def _note(self, error: Exception) -> None:
        """Records a failure and waits; after any failure the consumer retries."""
        if self._ended.is_set():
            return
        report(error, consumer=self.name)
        since = self._failing[0] if self._failing else time.monotonic()
        self._failing = (since, type(error).__name__)
        # Limited before it is doubled: a float overflows at 2**1024.
        self._ended.wait(min(BACKOFF * 2 ** min(self._failures, 16), LONGEST_BACKOFF))
        self._failures += 1

    def _wants(self, notice: Notice) -> bool:
        """On AWS the filter policy of an SNS subscription does this."""
        head = notice[1][:TOPIC_WITHIN]
        return not self._marks or any(mark in head for mark in self._marks)

    def _handle(self, records: list[tuple[int, bytes, int]]) -> None:
        while records and not self._ended.is_set():
            failed = failed_records(
                self.subscription.handler(sqs_event(self.name, records), CONTEXT)
            )
            records = [(i, body, n + 1) for i, body, n in records if i in failed]
            if records:
                self._ended.wait(BACKOFF * 2 ** records[0][2])
        if records:
            raise InterruptedError("stopped with records to retry")

    def _tell_waiters(self) -> None:
        with self._lock:
            ready = [waiter for waiter in self._waiters if waiter[0] <= self.position]
            self._waiters = [waiter for waiter in self._waiters if waiter[0] > self.position]
        for _, loop, future in ready:
            loop.call_soon_threadsafe(_resolve, future)


def _resolve(future: "asyncio.Future[bool]") -> None:
    if not future.done():
        future.set_result(True)
