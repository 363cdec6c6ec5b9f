"""From the events table's stream to the SNS FIFO topic."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.bootstrap import chat
from functions.entry import entry
from functions.observing import Answer, Event
from functions.stream import handle_records


@entry
def handler(event: Event, context: LambdaContext) -> Answer:
    return handle_records(event, chat().relay)
