"""On a schedule: deletes expired connections, sessions and tickets, and replaces content whose
retention has ended, in the available time."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.bootstrap import chat
from functions.entry import entry
from functions.observing import Answer, Event, logger

SPARE = 5_000
"""Milliseconds before the function's timeout at which it stops; the next run continues."""


@entry
def handler(event: Event, context: LambdaContext) -> Answer:
    """Returns the numbers of closed connections, deleted sessions and tickets, and replaced
    contents."""
    counts = chat().sweep(lambda: context.get_remaining_time_in_millis() > SPARE)
    logger.info("swept", extra=counts)
    return counts
