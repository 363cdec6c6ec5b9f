"""What surrounds every handler."""

from functools import wraps
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions import bootstrap, deadline, observing
from functions.observing import Answer, Event, Handler, logger


class _Naming:
    """Which contexts the log lines name already.

    Each invocation on Lambda has a context of its own. One machine has the same one for all, and
    naming it again for every frame would take a tenth of a message's time.

    Attributes
    ----------
    last: the context that was named last.
    settled: the context that was named twice in a row: the first time may say that the process
        has just started, which is not true of what follows.
    """

    last: Any = None
    settled: Any = None

    def note(self, context: LambdaContext) -> None:
        self.settled = context if context is self.last else None
        self.last = context


_naming = _Naming()


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

    named = logger.inject_lambda_context(observing.trace.around(run))

    @wraps(handler)
    def begin(event: Event, context: LambdaContext) -> Answer:
        if context is _naming.settled:
            return run(event, context)
        _naming.note(context)
        return named(event, context)

    return begin
