"""Code that the queue consumers' handlers share: SQS records in, partial batch failures out.

Rule 8 needs all of a room's records in a batch together (gap reads, one frame per room), so records
are grouped by room here and not passed on one by one (docs/adr/0003).
"""

from collections.abc import Sequence

from domain.consuming import Record
from domain.correlation import of_envelope
from domain.metrics import RETRIED
from functions import correlation
from functions.bootstrap import chat
from functions.observing import Answer, Event, logger

NAMED = 10
"""Failed records that are logged one by one: a batch of SQS FIFO. The local engine's are larger."""


def handle_records(consumer: str, event: Event) -> Answer:
    """Passes the event's records to a consumer; returns those to be delivered again."""
    records = [
        Record(
            id=record["messageId"],
            body=record["body"],
            receives=int(record["attributes"]["ApproximateReceiveCount"]),
        )
        for record in event["Records"]
    ]
    if correlation.ON_LAMBDA:
        correlation.begin_events([one.body for one in records])
    failed = chat().apply_records(consumer, records)
    if failed:
        chat().services.metrics.add(RETRIED, len(failed))
    if failed or correlation.logs_every_step():
        _log(consumer, records, set(failed))
    return {"batchItemFailures": [{"itemIdentifier": id} for id in failed]}


def _log(consumer: str, records: Sequence[Record], failed: set[str]) -> None:
    """Logs the records that will be delivered again, and the others if every step is logged."""
    for record in records:
        about = of_envelope(record.body)
        if record.id not in failed:
            correlation.step("event consumed", consumer=consumer, **about)
        elif len(failed) <= NAMED:
            logger.warning("record will be retried", extra={"consumer": consumer, **about})
    if len(failed) > NAMED:
        logger.warning(
            "records will be retried", extra={"consumer": consumer, "count": len(failed)}
        )
