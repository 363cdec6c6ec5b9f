"""The feed: what was committed, in order, to every consumer, at least once.

Stands in for Streams, SNS and SQS. A consumer's position is durable; what it misses in memory
it reads from the library's notification log.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import Any

from eventsourcing.persistence import ApplicationRecorder

from domain.consuming import MAX_RECEIVES
from domain.log import envelope
from domain.ports.consumers import Progress
from functions.observing import logger, report
from local.payloads import CONTEXT, Event, sqs_event

Handler = Callable[[Event, Any], dict[str, Any]]
Notice = tuple[int, bytes]

BATCH = 500
"""Records per invocation: SQS gives a FIFO consumer 10, one machine affords more."""

REMEMBERED = 5_000
"""Newest notices kept in memory for consumers that are not far behind."""

REMEMBERED_BYTES = 32 * 2**20
"""Bytes of their envelopes: one with a text of 16 KB takes some 22."""

LAG = 1.0
"""Seconds that a durable consumer lets events gather, unless somebody waits for it: reads fold the
log's tail, so nobody sees that views are late. Each batch takes time from the loop."""

GATHER = 500
"""Events at which a consumer begins before LAG is over: reads fold so many in some 10 ms."""

LINGER = 0.02
"""Seconds in place of LAG once there is an event of a topic that the consumer named."""

BACKOFF = 0.05
"""Seconds before the first retry; doubled for each further one."""

LONGEST_BACKOFF = 10.0
"""Seconds between the tries of a consumer that fails again and again."""

STUCK_AFTER = 5.0
"""Seconds of failures in a row after which a consumer is reported as stuck."""

HUNG_AFTER = 60.0
"""Seconds that one batch may take before its consumer is reported as stuck."""

TOPIC_WITHIN = 512
"""Bytes of an envelope that hold its topic: the stream's id and the version come before."""

MAX_LAG = 20_000
"""Events that a consumer may be behind and still be reported as well, and be waited for by lists:
some seconds of folding."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a durable consumer wants.

    Attributes
    ----------
    topics: of which events; all where none is named.
    together: whether its writes and its position go into the views' file in one transaction.
    """

    handler: Handler
    topics: Sequence[str] = ()
    together: bool = False


Waiter = tuple[int, asyncio.AbstractEventLoop, "asyncio.Future[bool]"]
"""Who waits for a position, and where they are told."""


class Feed:
    """Hands notices to one prompt handler on the loop and to durable ones on threads."""

    def __init__(
        self, recorder: ApplicationRecorder, progress: Progress, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._recorder = recorder
        self._loop = loop
        self._recent: deque[Notice] = deque()
        self._held = 0
        self.head = recorder.max_notification_id() or 0
        self._consumers: dict[str, DurableConsumer] = {}
        self._progress = progress
        self._prompt: tuple[str, Handler] | None = None

    def add(self, name: str, subscription: Subscription) -> None:
        """Adds a consumer that goes on where it was."""
        self._consumers[name] = DurableConsumer(name, subscription, self, self._progress)

    def add_prompt(self, name: str, handler: Handler) -> None:
        """Adds the consumer that begins at the head, on the loop, before all others."""
        self._prompt = (name, handler)

    def start(self) -> None:
        for consumer in self._consumers.values():
            consumer.start()

    def publish(self, notices: Sequence[Notice]) -> None:
        """Tells of committed events; on the loop."""
        self._remember(notices)
        self.head = notices[-1][0]
        if self._prompt is not None:
            self._push(self._prompt[0], self._prompt[1], [(*notice, 1) for notice in notices])
        for consumer in self._consumers.values():
            consumer.wake(notices)

    def _remember(self, notices: Sequence[Notice]) -> None:
        recent = self._recent
        recent.extend(notices)
        self._held += sum(len(body) for _, body in notices)
        while recent and (len(recent) > REMEMBERED or self._held > REMEMBERED_BYTES):
            self._held -= len(recent.popleft()[1])

    def _push(self, name: str, handler: Handler, records: list[tuple[int, bytes, int]]) -> None:
        """Hands records to the prompt consumer; those that fail are handed to it again, at most
        MAX_RECEIVES times in all.

        A retry may come after later records of the same room. The consumer itself keeps the
        order (domain/claiming.py): those later records bring what failed with them. What is given
        up clients find missing by the room's next push or the next `pong`.
        """
        try:
            failed = _failed(handler(sqs_event(name, records), CONTEXT))
        except Exception as error:
            report(error, consumer=name)
            failed = {record[0] for record in records}
        again = [(i, body, n + 1) for i, body, n in records if i in failed and n < MAX_RECEIVES]
        if len(again) < len(failed):
            count = str(len(failed) - len(again))
            logger.error("records were given up", extra={"consumer": name, "count": count})
        if again:
            delay = BACKOFF * 2 ** again[0][2]
            self._loop.call_later(delay, self._push, name, handler, again)

    def after(self, position: int, limit: int) -> list[Notice]:
        """Returns notices after a position; from any thread."""
        try:
            newest = list(islice(reversed(self._recent), max(0, self.head - position)))
        except RuntimeError:  # it grew while it was read
            newest = []
        newest.reverse()
        if newest and newest[0][0] == position + 1:
            return newest[:limit]
        found = self._recorder.select_notifications(position + 1, limit)
        return [(notification.id, envelope(notification)) for notification in found]

    def is_caught_up(self, name: str) -> bool:
        """Returns whether a consumer is done with all that was published."""
        return self._consumers[name].position >= self.head

    async def caught_up(self, name: str, timeout: float = 5.0, within: int | None = None) -> bool:
        """Waits until a consumer is done with all that was published before the call.

        Parameters
        ----------
        timeout: seconds to wait at most; False once they are over.
        within: events behind which the consumer is not waited for: the answer is False at once.
        """
        consumer = self._consumers[name]
        if within is not None and consumer.behind(self.head) > within:
            return False
        return await consumer.reached(self.head, timeout, self._loop)

    def pause(self) -> None:
        """Stops the durable consumers after their batch; `resume` has them begin where their
        stored positions are."""
        for consumer in self._consumers.values():
            consumer.stop()

    def resume(self) -> None:
        for name, consumer in list(self._consumers.items()):
            self.add(name, consumer.subscription)
            self._consumers[name].take_over(consumer)
            self._consumers[name].start()

    def close(self) -> None:
        self.pause()

    def lag(self) -> dict[str, int]:
        """Returns how many events each durable consumer is behind."""
        return {name: self.head - consumer.position for name, consumer in self._consumers.items()}

    def behind(self, position: int) -> int:
        """Returns how many events up to `position` the slowest durable consumer has to do."""
        return max(0, *(position - consumer.position for consumer in self._consumers.values()))

    def troubles(self) -> list[str]:
        """Returns why durable consumers do not do their work, a line each; for operators."""
        found = []
        for name, consumer in list(self._consumers.items()):
            trouble = consumer.trouble(self.head)
            if trouble is not None:
                found.append(f"{name} {trouble}")
        return found


class DurableConsumer:
    """One thread that feeds one handler from its stored position on."""

    def __init__(
        self,
        name: str,
        subscription: Subscription,
        feed: Feed,
        progress: Progress,
    ) -> None:
        self.name = name
        self.subscription = subscription
        # An envelope names its topic before the state, which holds no such text unescaped.
        self._marks = [b'"topic":"%b",' % topic.encode() for topic in subscription.topics]
        self.position = 0
        """Of the last notification done; 0 until the thread has read it."""
        self._begun = False
        self._failures = 0
        self._failing: tuple[float, str] | None = None
        """When the failures in a row began, and the type of the last one."""
        self._busy: float | None = None
        """When the batch began that is being handled."""
        self._feed = feed
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
        """Says that there are new events; on the loop."""
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
        """Returns how many events up to `head` are still to be done; 0 until the thread has read
        how far it is, which takes moments after the start."""
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
        """Goes on for a stopped consumer: those who wait for it wait for this one."""
        with stopped._lock:
            stopped._successor = self
            waiters, stopped._waiters = stopped._waiters, []
        for waiter in waiters:
            self._wait(waiter)

    def trouble(self, head: int) -> str | None:
        """Returns what is wrong with the consumer; None while it works or was stopped."""
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
        """Waits until there are events and it is time to handle them, or somebody waits."""
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
        """Handles the next notices; returns how many. When it fails the position has not moved,
        and the same notices come again."""
        if not self._begun:
            self.position = self._progress.position(self.name)
            self._begun = True
        notices = self._feed.after(self.position, BATCH)
        if notices:
            together = self.subscription.together
            with self._progress.together() if together else nullcontext():
                self._handle([(*notice, 1) for notice in notices if self._wants(notice)])
                self._progress.advance(self.name, notices[-1][0])
            self.position = notices[-1][0]
        return len(notices)

    def _note(self, error: Exception) -> None:
        """Notes a failure and waits; whatever it was, the consumer tries again."""
        if self._ended.is_set():
            return
        report(error, consumer=self.name)
        since = self._failing[0] if self._failing else time.monotonic()
        self._failing = (since, type(error).__name__)
        # Bounded before it is doubled: a float ends at 2**1024.
        self._ended.wait(min(BACKOFF * 2 ** min(self._failures, 16), LONGEST_BACKOFF))
        self._failures += 1

    def _wants(self, notice: Notice) -> bool:
        """An SNS subscription's filter policy does this on AWS."""
        head = notice[1][:TOPIC_WITHIN]
        return not self._marks or any(mark in head for mark in self._marks)

    def _handle(self, records: list[tuple[int, bytes, int]]) -> None:
        while records and not self._ended.is_set():
            failed = _failed(self.subscription.handler(sqs_event(self.name, records), CONTEXT))
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


def _failed(answer: dict[str, Any]) -> set[int]:
    return {int(item["itemIdentifier"]) for item in answer["batchItemFailures"]}
