"""The decorator of every handler."""

from functools import wraps
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions import bootstrap, deadline, observing
from functions.observing import Answer, Event, Handler, logger


class _Naming:
    """Contexts that are already set for log records.

    Each invocation on Lambda has a context of its own. On one machine all share one, and setting it
    again for every frame would take a tenth of a message's time.

    Attributes
    ----------
    last: the context that was set last.
    settled: the context that was set twice in a row. The first time may say that the process has
        just started, which is wrong for later records.
    """

    last: Any = None
    settled: Any = None

    def note(self, context: LambdaContext) -> None:
        self.settled = context if context is self.last else None
        self.last = context


_naming = _Naming()


def entry(handler: Handler) -> Handler:
    """Decorates a handler: its log records name the invocation, its posts know the remaining time,
    and its counts are printed once, at its end."""

    @wraps(handler)
    def run(event: Event, context: LambdaContext) -> Answer:
        deadline.begin(context)
        try:
            return handler(event, context)
        finally:
            bootstrap.flush()

    named = logger.inject_lambda_context(observing.trace.around(run))

    @wraps(handler)
    def begin(event: Event, context: LambdaContext) -> Answer:
        if context is _naming.settled:
            return run(event, context)
        _naming.note(context)
        return named(event, context)

    return begin
