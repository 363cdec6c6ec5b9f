"""What the queue consumers' handlers share: SQS records in, partial batch failures out.

Rule 8 needs a room's whole run of a batch at once (gap reads, one frame per room), so records
are grouped by room here rather than handed over one by one (docs/adr/0003).
"""

from domain.consuming import Record
from domain.metrics import RETRIED
from functions.bootstrap import chat
from functions.observing import Answer, Event, logger


def consume(consumer: str, event: Event) -> Answer:
    """Feeds the event's records to a consumer; names those to be delivered again."""
    records = [
        Record(
            id=record["messageId"],
            body=record["body"],
            receives=int(record["attributes"]["ApproximateReceiveCount"]),
        )
        for record in event["Records"]
    ]
    failed = chat().consume(consumer, records)
    if failed:
        chat().services.metrics.add(RETRIED, len(failed))
        logger.warning(
            "records will be retried", extra={"consumer": consumer, "count": len(failed)}
        )
    return {"batchItemFailures": [{"itemIdentifier": id} for id in failed]}
