"""Logging for the handlers: structured, without message texts, tokens or tickets."""

import traceback
from typing import Any

from aws_lambda_powertools import Logger

logger = Logger(service="parley")

Event = dict[str, Any]
Answer = dict[str, Any]


def report(error: BaseException, **keys: object) -> None:
    """Logs an unexpected error by type and place; its message may hold what a client sent."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    logger.error(
        "unexpected error",
        extra={"error": type(error).__name__, "at": f"{frame.filename}:{frame.lineno}", **keys},
    )
