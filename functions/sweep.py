"""On a schedule: forgets what is over and nobody told of, and content that is not kept any more,
in the time that there is."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.bootstrap import chat
from functions.entry import entry
from functions.observing import Answer, Event, logger

SPARE = 5_000
"""Milliseconds before the function's end at which it stops; the next run goes on."""


@entry
def handler(event: Event, context: LambdaContext) -> Answer:
    """Returns how many connections were closed, sessions and tickets deleted, and events' contents
    replaced."""
    counts = chat().sweep(lambda: context.get_remaining_time_in_millis() > SPARE)
    logger.info("swept", extra=counts)
    return counts
