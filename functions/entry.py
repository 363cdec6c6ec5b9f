"""What surrounds every handler."""

from collections.abc import Callable
from functools import wraps

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions import bootstrap, deadline
from functions.observing import Answer, Event, logger

Handler = Callable[[Event, LambdaContext], Answer]


def entry(handler: Handler) -> Handler:
    """Decorates a handler: its log lines name the invocation, its posts know the time that is
    left, and what it counted is told once, at its end."""

    @wraps(handler)
    def run(event: Event, context: LambdaContext) -> Answer:
        deadline.begin(context)
        try:
            return handler(event, context)
        finally:
            bootstrap.flush()

    return logger.inject_lambda_context(run)
