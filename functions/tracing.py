"""X-Ray traces by Powertools' Tracer, loaded only if the template's `Tracing` is Active.

A trace has one subsegment for the handler and one for each call of an AWS service: operation, table
or queue, status, time. It contains no request, no answer and no message of an exception, because
these may contain people's texts.
"""

from typing import Any

import aws_xray_sdk.ext.botocore  # noqa: F401 `install` patches it: loaded while the function starts
from aws_lambda_powertools import Tracer
from aws_xray_sdk.core import xray_recorder
from aws_xray_sdk.core.emitters.udp_emitter import UDPEmitter

from functions import observing
from functions.observing import Handler


class DiscreetEmitter(UDPEmitter):  # type: ignore[misc]
    """Sends a subsegment without the messages of its exceptions; it keeps their types and
    places."""

    def send_entity(self, entity: Any) -> None:
        if isinstance(entity.cause, dict):
            for exception in entity.cause.get("exceptions", ()):
                exception.message = exception.type
        super().send_entity(entity)


class XRay:
    """Traces the handlers of this process."""

    def __init__(self) -> None:
        self._tracer = Tracer(service="parley", patch_modules=("botocore",))

    def around(self, handler: Handler) -> Handler:
        """Returns a handler that is traced."""
        traced: Handler = self._tracer.capture_lambda_handler(
            handler, capture_response=False, capture_error=False
        )
        return traced

    def annotate(self, command: str | None) -> None:
        """Annotates the command, so that `annotation.command = "…"` finds its traces."""
        if command is not None:
            self._tracer.put_annotation("command", command)


def install() -> None:
    """Enables tracing for the handlers that are loaded next."""
    observing.trace = XRay()
    xray_recorder.configure(emitter=DiscreetEmitter())
