"""Code that the readers of the events table's stream share: images in, the first failure out.

The answer to a batch is the lowest sequence number that failed: Lambda delivers everything from
there on again. So a record that can never be read is logged by its position and skipped; otherwise
it would block its shard until it is a day old. The log still has the event, and consumers that find
the gap read it there.
"""

from collections.abc import Callable, Sequence
from typing import Any

from eventsourcing.persistence import StoredEvent

from domain.correlation import of_state
from domain.metrics import RETRIED
from functions import correlation
from functions.bootstrap import chat
from functions.observing import Answer, Event, logger


def handle_records(event: Event, take: Callable[[Sequence[StoredEvent]], Sequence[int]]) -> Answer:
    """Passes the inserted events to `take`, which returns the positions of those that failed;
    returns the first of them, so that all from it on are delivered again."""
    sequences: list[str] = []
    events: list[StoredEvent] = []
    for record in event["Records"]:
        if record.get("eventName") != "INSERT":
            continue
        try:
            events.append(_stored(record["dynamodb"]["NewImage"]))
        except (KeyError, TypeError, ValueError) as error:
            _unreadable(record, error)
        else:
            sequences.append(record["dynamodb"]["SequenceNumber"])
    correlation.begin(of_state(one.state) for one in events)
    failed = take(events) if events else ()
    if correlation.logs_every_step():
        _log(events, set(failed))
    if not failed:
        return {"batchItemFailures": []}
    first = min(failed)
    chat().services.metrics.add(RETRIED, len(events) - first)
    logger.warning(
        "the stream will be read again",
        extra={"from": sequences[first], **_about(events[first])},
    )
    return {"batchItemFailures": [{"itemIdentifier": sequences[first]}]}


def _log(events: Sequence[StoredEvent], failed: set[int]) -> None:
    for place, event in enumerate(events):
        if place not in failed:
            correlation.step("event taken from the stream", **_about(event))


def _about(event: StoredEvent) -> dict[str, Any]:
    return {
        "stream": event.originator_id,
        "version": event.originator_version,
        "correlation_id": of_state(event.state),
    }


def _stored(image: Event) -> StoredEvent:
    """Returns the event of an item in DynamoDB's wire form."""
    stream, topic, state = image["log"]["S"], image["topic"]["S"], image["state"]["S"]
    return StoredEvent(stream, int(image["version"]["N"]), topic, state.encode())


def _unreadable(record: Event, error: Exception) -> None:
    change = record.get("dynamodb") or {}
    logger.error(
        "unreadable stream record",
        extra={
            "error": type(error).__name__,
            "sequence": change.get("SequenceNumber"),
            "key": change.get("Keys"),
        },
    )
