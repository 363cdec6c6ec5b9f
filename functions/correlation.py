"""One correlation id from a frame to its push: the command's id, in the records of every function.

One query of CloudWatch Logs Insights finds them all (docs/operations.md).
"""

import os
from collections.abc import Iterable, Sequence
from typing import Any

from domain.correlation import of_envelope
from functions import observing
from functions.observing import logger

ON_LAMBDA = "AWS_LAMBDA_FUNCTION_NAME" in os.environ
"""Whether this process handles one invocation at a time, so that all its log records can get the id
of one command. The local engine handles many frames at once and sets the id for each record."""

_every_step = False
_envelopes: Sequence[str | bytes] = ()


def log_every_step(wanted: bool) -> None:
    """Sets whether each step of each command is logged; if not, only faults are logged."""
    global _every_step
    _every_step = wanted


def logs_every_step() -> bool:
    return _every_step


def step(message: str, **keys: Any) -> None:
    """Logs one step of a command, if every step is logged."""
    if _every_step:
        logger.info(message, extra=keys)


def begin(commands: Iterable[str | None]) -> None:
    """Begins an invocation about some commands: if there is only one, all log records get its
    id."""
    global _envelopes
    if ON_LAMBDA:
        _envelopes = ()
        ids = set(commands)
        command = ids.pop() if len(ids) == 1 else None
        logger.set_correlation_id(command)
        observing.trace.annotate(command)


def begin_events(envelopes: Sequence[str | bytes]) -> None:
    """Begins an invocation about events, as `begin` does about their commands."""
    global _envelopes
    if ON_LAMBDA:
        begin(of_envelope(one).get("correlation_id") for one in envelopes)
        _envelopes = envelopes


def of_event(stream: str, version: int) -> str | None:
    """Returns the id of the command that caused an event of this invocation."""
    for envelope in _envelopes:
        found = of_envelope(envelope)
        if found.get("stream") == stream and found["version"] == version:
            return found.get("correlation_id")
    return None
