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
from domain.ports import Progress
from functions.observing import report
from local.payloads import CONTEXT, Event, sqs_event

Handler = Callable[[Event, Any], dict[str, Any]]
Notice = tuple[int, bytes]

BATCH = 500
"""Records per invocation: SQS gives a FIFO consumer 10, one machine affords more."""

REMEMBERED = 5_000
"""Newest notices kept in memory for consumers that are not far behind."""

LINGER = 0.02
"""Seconds that a durable consumer lets events gather, unless somebody waits for it."""

BACKOFF = 0.05
"""Seconds before the first retry; doubled for each further one."""


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


class Feed:
    """Hands notices to one prompt handler on the loop and to durable ones on threads."""

    def __init__(
        self, recorder: ApplicationRecorder, progress: Progress, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._recorder = recorder
        self._loop = loop
        self._recent: deque[Notice] = deque(maxlen=REMEMBERED)
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
        self._recent.extend(notices)
        self.head = notices[-1][0]
        if self._prompt is not None:
            self._push(self._prompt[0], self._prompt[1], [(*notice, 1) for notice in notices])
        for consumer in self._consumers.values():
            consumer.wake()

    def _push(self, name: str, handler: Handler, records: list[tuple[int, bytes, int]]) -> None:
        try:
            failed = _failed(handler(sqs_event(name, records), CONTEXT))
        except Exception as error:
            report(error, consumer=name)
            failed = {record[0] for record in records}
        again = [(i, body, n + 1) for i, body, n in records if i in failed and n < MAX_RECEIVES]
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

    async def caught_up(self, name: str, timeout: float = 5.0) -> bool:
        """Waits until a consumer is done with all that was published before the call."""
        return await self._consumers[name].reached(self.head, timeout, self._loop)

    def pause(self) -> None:
        """Stops the durable consumers after their batch; `resume` has them begin where their
        stored positions are."""
        for consumer in self._consumers.values():
            consumer.stop()

    def resume(self) -> None:
        for name, consumer in list(self._consumers.items()):
            self.add(name, consumer.subscription)
            self._consumers[name].start()

    def close(self) -> None:
        self.pause()

    def lag(self) -> dict[str, int]:
        """Returns how many events each durable consumer is behind."""
        return {name: self.head - consumer.position for name, consumer in self._consumers.items()}

    def behind(self, position: int) -> int:
        """Returns how many events up to `position` the slowest durable consumer has to do."""
        return max(0, *(position - consumer.position for consumer in self._consumers.values()))


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
        self.position = progress.position(name)
        self._feed = feed
        self._progress = progress
        self._woken = threading.Event()
        self._hurry = threading.Event()
        self._stopping = False
        self._waiters: list[tuple[int, asyncio.AbstractEventLoop, asyncio.Future[bool]]] = []
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"parley-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._woken.set()

    def stop(self) -> None:
        self._stopping = True
        self._woken.set()
        self._hurry.set()
        if self._thread.is_alive():
            self._thread.join()

    async def reached(self, position: int, timeout: float, loop: asyncio.AbstractEventLoop) -> bool:
        if self.position >= position:
            return True
        future: asyncio.Future[bool] = loop.create_future()
        with self._lock:
            self._waiters.append((position, loop, future))
        self._hurry.set()
        self._woken.set()
        try:
            return await asyncio.wait_for(future, timeout)
        except TimeoutError:
            return False

    def _run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            notices = self._feed.after(self.position, BATCH)
            if notices:
                try:
                    together = self.subscription.together
                    with self._progress.together() if together else nullcontext():
                        self._handle([(*notice, 1) for notice in notices if self._wants(notice)])
                        self._progress.advance(self.name, notices[-1][0])
                    self.position = notices[-1][0]
                except Exception as error:
                    # The position did not move: the same batch comes again.
                    report(error, consumer=self.name)
                    time.sleep(BACKOFF)
            self._tell_waiters()
            if len(notices) < BATCH:
                self._woken.wait()
                if not self._waiters:
                    self._hurry.wait(LINGER)
                self._hurry.clear()

    def _wants(self, notice: Notice) -> bool:
        """An SNS subscription's filter policy does this on AWS."""
        return not self._marks or any(mark in notice[1] for mark in self._marks)

    def _handle(self, records: list[tuple[int, bytes, int]]) -> None:
        while records and not self._stopping:
            failed = _failed(self.subscription.handler(sqs_event(self.name, records), CONTEXT))
            records = [(i, body, n + 1) for i, body, n in records if i in failed]
            if records:
                time.sleep(BACKOFF * 2 ** records[0][2])
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
