"""The feed: passes committed events, in order, to every consumer, at least once.

It replaces Streams, SNS and SQS. A consumer's position is durable; events that are no longer in
memory are read from the library's notification log.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import islice

from eventsourcing.persistence import ApplicationRecorder

from domain.consuming import MAX_RECEIVES
from domain.log import envelope
from domain.ports.consumers import Progress
from functions.observing import logger, report
from local.consumer import BACKOFF, DurableConsumer, Handler, Notice, Subscription
from local.payloads import CONTEXT, failed_records, sqs_event

REMEMBERED = 5_000
"""Number of newest notices kept in memory for consumers that are not far behind."""

REMEMBERED_BYTES = 32 * 2**20
"""Bytes of their envelopes: one with a text of 16 KB takes about 22 KB."""


class Feed:
    """Passes notices to one prompt handler on the loop and to durable ones on threads."""

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
        """Adds a consumer that continues at its stored position."""
        self._consumers[name] = DurableConsumer(name, subscription, self.after, self._progress)

    def add_prompt(self, name: str, handler: Handler) -> None:
        """Adds the consumer that begins at the head, on the loop, before all others."""
        self._prompt = (name, handler)

    def start(self) -> None:
        for consumer in self._consumers.values():
            consumer.start()

    def publish(self, notices: Sequence[Notice]) -> None:
        """Publishes committed events; on the loop."""
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
        """Passes records to the prompt consumer; failed ones are passed again, at most MAX_RECEIVES
        times in all.

        A retry may come after later records of the same room. The consumer itself keeps the order
        (domain/claiming.py): the later records include the failed events. If an event is given up,
        clients notice the gap with the room's next push or the next `pong`.
        """
        try:
            failed = failed_records(handler(sqs_event(name, records), CONTEXT))
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
        except RuntimeError:  # the log grew while it was read
            newest = []
        newest.reverse()
        if newest and newest[0][0] == position + 1:
            return newest[:limit]
        found = self._recorder.select_notifications(position + 1, limit)
        return [(notification.id, envelope(notification)) for notification in found]

    def is_caught_up(self, name: str) -> bool:
        """Returns whether a consumer has handled everything that was published."""
        return self._consumers[name].position >= self.head

    async def caught_up(self, name: str, timeout: float = 5.0, within: int | None = None) -> bool:
        """Waits until a consumer has handled everything that was published before the call.

        Parameters
        ----------
        timeout: maximum of seconds to wait; after that, returns False.
        within: if the consumer is more events behind, it returns False at once.
        """
        consumer = self._consumers[name]
        if within is not None and consumer.behind(self.head) > within:
            return False
        return await consumer.reached(self.head, timeout, self._loop)

    def pause(self) -> None:
        """Stops the durable consumers after their batch; `resume` starts them at their stored
        positions."""
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
        """Returns, for each durable consumer, the number of events that it is behind."""
        return {name: self.head - consumer.position for name, consumer in self._consumers.items()}

    def behind(self, position: int) -> int:
        """Returns the number of events up to `position` that the slowest durable consumer has not
        handled."""
        return max(0, *(position - consumer.position for consumer in self._consumers.values()))

    def troubles(self) -> list[str]:
        """Returns the troubles of durable consumers, one line each; for operators."""
        found = []
        for name, consumer in list(self._consumers.items()):
            trouble = consumer.trouble(self.head)
            if trouble is not None:
                found.append(f"{name} {trouble}")
        return found
