"""The events table's stream to the SNS FIFO topic."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.bootstrap import chat
from functions.observing import Answer, Event, logger
from functions.stream import feed


@logger.inject_lambda_context
def handler(event: Event, context: LambdaContext) -> Answer:
    return feed(event, chat().relay)
