"""Pushes events to those who are connected."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.consumer import consume
from functions.observing import Answer, Event, logger


@logger.inject_lambda_context
def handler(event: Event, context: LambdaContext) -> Answer:
    return consume("deliver", event)
