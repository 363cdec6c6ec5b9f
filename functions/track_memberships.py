"""Tells people's own logs which rooms they gained or lost."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.consumer import consume
from functions.entry import entry
from functions.observing import Answer, Event


@entry
def handler(event: Event, context: LambdaContext) -> Answer:
    return consume("track_memberships", event)
