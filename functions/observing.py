"""Logging for the handlers: structured, without message texts, tokens or tickets."""

import traceback
from collections.abc import Callable
from typing import Any, Protocol

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="parley")

Event = dict[str, Any]
Answer = dict[str, Any]
Handler = Callable[[Event, LambdaContext], Answer]


class Trace(Protocol):
    """What a trace records."""

    def around(self, handler: Handler) -> Handler: ...

    def annotate(self, command: str | None) -> None: ...


class NoTrace:
    """Traces nothing."""

    def around(self, handler: Handler) -> Handler:
        return handler

    def annotate(self, command: str | None) -> None: ...


trace: Trace = NoTrace()
"""functions/tracing.py replaces it if tracing is on."""


def report(error: BaseException, **keys: object) -> None:
    """Logs an unexpected error by type and place; its message may hold what a client sent."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    logger.error(
        "unexpected error",
        extra={"error": type(error).__name__, "at": f"{frame.filename}:{frame.lineno}", **keys},
    )
