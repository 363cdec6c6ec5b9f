"""Sends mail and notices about mentions and direct messages."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from domain.correlation import of_envelope
from domain.metrics import RETRIED
from functions import correlation
from functions.bootstrap import chat
from functions.entry import entry
from functions.observing import Answer, Event, report


@entry
def handler(event: Event, context: LambdaContext) -> Answer:
    """Returns the records to be delivered again. The queue has no order, so a record that always
    fails delays no other one until it becomes a dead letter."""
    correlation.begin_events([record["body"] for record in event["Records"]])
    failed = []
    for record in event["Records"]:
        try:
            chat().notify(record["body"])
        except Exception as error:
            report(error, record=record["messageId"], **of_envelope(record["body"]))
            failed.append(record["messageId"])
            chat().services.metrics.add(RETRIED)
        else:
            if correlation.logs_every_step():
                correlation.step("event consumed", **of_envelope(record["body"]))
    return {"batchItemFailures": [{"itemIdentifier": id} for id in failed]}
