"""Mentions and direct messages to mail and notices."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from domain.metrics import RETRIED
from functions.bootstrap import chat
from functions.entry import entry
from functions.observing import Answer, Event, report


@entry
def handler(event: Event, context: LambdaContext) -> Answer:
    """Names the records to be delivered again. The queue has no order, so what never succeeds
    holds up nothing on its way to the dead letters."""
    failed = []
    for record in event["Records"]:
        try:
            chat().notify(record["body"])
        except Exception as error:
            report(error, record=record["messageId"])
            failed.append(record["messageId"])
            chat().services.metrics.add(RETRIED)
    return {"batchItemFailures": [{"itemIdentifier": id} for id in failed]}
