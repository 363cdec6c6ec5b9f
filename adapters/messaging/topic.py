"""Publishes events to the SNS FIFO topic, from the stream's relay and in parallel with the ack."""

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast

import orjson
from botocore.exceptions import BotoCoreError, ClientError
from eventsourcing.persistence import StoredEvent

from domain.correlation import of_state
from domain.log import envelope

logger = logging.getLogger("parley.messaging")

BATCH = 10
"""Entries per PublishBatch."""

BATCH_BYTES = 256 * 1024
"""Bytes of a PublishBatch in all, message attributes included."""

ATTEMPTS = 5
"""Attempts of one event; with the pauses between them at most about 3 s."""

Problem = tuple[str, bool]
"""A failure's code, and whether it is transient."""


@dataclass(slots=True)
class _Entry:
    place: int
    stream: str
    request: dict[str, Any]
    size: int
    tries: int = 0


def entry(event: StoredEvent) -> dict[str, Any]:
    """Returns an event as an entry of PublishBatch, without its `Id`.

    A state that is not JSON is sent as null: consumers then park the event by its position, which a
    broken envelope would not contain.
    """
    stream = cast(str, event.originator_id)
    try:
        state = orjson.loads(event.state)
    except ValueError:
        state = None
        event = StoredEvent(stream, event.originator_version, event.topic, b"null")
    attributes = {"topic": event.topic}
    if isinstance(state, dict) and state.get("notify"):
        attributes["notify"] = "1"
    return {
        "Message": envelope(event).decode(),
        "MessageGroupId": stream,
        "MessageDeduplicationId": f"{stream}:{event.originator_version}",
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    }


def _size(request: dict[str, Any]) -> int:
    attributes = sum(
        len(name) + len("String") + len(value["StringValue"].encode())
        for name, value in request["MessageAttributes"].items()
    )
    return len(request["Message"].encode()) + attributes


class Publisher:
    """Publishes batch by batch, each stream in its order.

    A batch may fail entry by entry. A failed entry is retried before any later one of its stream is
    sent; if an entry is given up, all later ones of its stream are too. A later event in the same
    batch as a failed one overtakes it: consumers read missing events from the log
    (domain/consuming.py).

    Parameters
    ----------
    client: botocore's `sns` client.
    topic: ARN of the FIFO topic.
    attempts: maximum number of attempts per event.
    pause: called with the seconds to wait before the next try.
    """

    def __init__(
        self,
        client: Any,
        topic: str,
        *,
        attempts: int = ATTEMPTS,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._topic = topic
        self._attempts = attempts
        self._pause = pause

    def publish(self, events: Sequence[StoredEvent]) -> dict[int, str]:
        """Returns the positions in `events` of those that could not be published, with the
        reasons."""
        waiting = [
            _Entry(place, request["MessageGroupId"], request, _size(request))
            for place, request in enumerate(map(entry, events))
        ]
        failed: dict[int, str] = {}
        while waiting:
            batch = _take(waiting)
            problems = self._send(batch)
            lost = self._given_up(batch, problems)
            done = {sent.place for sent in batch} - problems.keys()
            waiting = [one for one in waiting if one.place not in done]
            failed |= {one.place: lost[one.stream] for one in waiting if one.stream in lost}
            waiting = [one for one in waiting if one.stream not in lost]
            if problems and waiting:
                self._pause(random.uniform(0, 0.1 * 2 ** max(one.tries for one in batch)))
        return failed

    def _given_up(self, batch: Sequence[_Entry], problems: dict[int, Problem]) -> dict[str, str]:
        """Counts the attempts; returns the streams that are given up, with the reasons."""
        lost: dict[str, str] = {}
        for sent in batch:
            if sent.place in problems:
                sent.tries += 1
                code, passing = problems[sent.place]
                if not passing or sent.tries >= self._attempts:
                    lost.setdefault(sent.stream, code)
        return lost

    def _send(self, batch: Sequence[_Entry]) -> dict[int, Problem]:
        """Returns the positions of entries that were not accepted."""
        requests = [{"Id": str(one.place), **one.request} for one in batch]
        try:
            answer = self._client.publish_batch(
                TopicArn=self._topic, PublishBatchRequestEntries=requests
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            return {one.place: _problem(code, status < 500) for one in batch}
        except BotoCoreError as error:
            return {one.place: (type(error).__name__, True) for one in batch}
        problems = {one.place: ("Unanswered", True) for one in batch}
        for taken in answer.get("Successful", ()):
            problems.pop(int(taken["Id"]), None)
        for refused in answer.get("Failed", ()):
            code = refused.get("Code", "")
            problems[int(refused["Id"])] = _problem(code, refused.get("SenderFault", False))
        return problems


def _problem(code: str, ours: bool) -> Problem:
    return code, not ours or "throttl" in code.lower()


def _take(waiting: Sequence[_Entry]) -> list[_Entry]:
    """Returns the next batch, in order. It has only one event of a stream that failed before."""
    batch: list[_Entry] = []
    size, held = 0, set()
    for one in waiting:
        if one.stream in held:
            continue
        if len(batch) == BATCH or (batch and size + one.size > BATCH_BYTES):
            break
        batch.append(one)
        size += one.size
        if one.tries:
            held.add(one.stream)
    return batch


class Relay:
    """Implements the Topic port, which the stream's reader uses to publish."""

    def __init__(
        self, client: Any, topic: str, *, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._publisher = Publisher(client, topic, pause=pause)

    def publish(self, events: Sequence[StoredEvent]) -> list[int]:
        failed = self._publisher.publish(events)
        for place, code in failed.items():
            event = events[place]
            about = {
                "stream": event.originator_id,
                "version": event.originator_version,
                "correlation_id": of_state(event.state),
            }
            logger.warning("event not published", extra={**about, "code": code})
        return sorted(failed)


class Announcer:
    """Publishes in parallel with the ack, only for speed.

    The stream's relay publishes the same events with the same deduplication ids, so one attempt is
    enough and a failure is only logged. The client should have timeouts of about a second and no
    retries, because the caller waits for them at the end.

    One thread, kept for the process, publishes in the order of the calls.
    """

    def __init__(self, client: Any, topic: str) -> None:
        self._publisher = Publisher(client, topic, attempts=1)
        self._thread: ThreadPoolExecutor | None = None

    def announce(self, events: Sequence[StoredEvent]) -> Callable[[], None]:
        """Begins to publish the events; returns a function that waits for the end. Neither
        raises."""
        try:
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, thread_name_prefix="parley-announce")
            publishing = self._thread.submit(self._publish, events)
        except RuntimeError as error:
            # No thread can be started: there is no memory for one, or the process ends.
            _left(Counter([type(error).__name__]))
            return lambda: None
        return lambda: publishing.result()

    def _publish(self, events: Sequence[StoredEvent]) -> None:
        try:
            codes = Counter(self._publisher.publish(events).values())
        except Exception as error:
            codes = Counter([type(error).__name__])
        _left(codes)


def _left(codes: Counter[str]) -> None:
    for code, count in codes.items():
        logger.warning("left to the relay", extra={"code": code, "count": count})
