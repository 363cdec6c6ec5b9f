"""The service itself: its OpenAPI document, its health, its readiness."""

import time
from functools import cache
from pathlib import Path

from functions import responses
from functions.bootstrap import chat
from functions.observing import Answer, report
from functions.routes import router
from functions.routing import Request

HEALTH = "/healthz"
READY = "/readyz"

READY_FOR = 5.0
"""Seconds for which a process repeats its last answer about readiness, to limit the reads that
probes cause."""

DOCUMENT = Path(__file__).parents[1] / "openapi.json"
"""The OpenAPI document of all routes, which `make types` writes."""


@cache
def _document() -> str:
    return DOCUMENT.read_text()


@router.on(
    "GET",
    "/api/openapi.json",
    summary="Gives this document",
    answers={"type": "object"},
    access="anyone",
)
def openapi(request: Request[None]) -> Answer:
    headers = {"Content-Type": "application/json"}
    return {"statusCode": 200, "headers": headers, "body": _document()}


@router.on(
    "GET",
    HEALTH,
    summary="Checks that the service answers",
    answers={
        "type": "object",
        "properties": {"status": {"const": "ok"}},
        "required": ["status"],
        "description": "The local engine adds figures of its own.",
    },
    access="anyone",
)
def health(request: Request[None]) -> Answer:
    return responses.json({"status": "ok"})


_last_probe: tuple[float, bool] = (-READY_FOR, False)
"""When readiness was last probed, by the monotonic clock, and the result."""


@router.on(
    "GET",
    READY,
    summary="Checks that the service can do its work",
    answers={
        "type": "object",
        "properties": {"status": {"const": "ready"}},
        "required": ["status"],
        "description": "503 with `{status: unready, reasons}` if it is not ready.",
    },
    access="anyone",
)
def ready(request: Request[None]) -> Answer:
    """Reads one item that every call needs: a session that does not exist."""
    global _last_probe
    now = time.monotonic()
    if now - _last_probe[0] >= READY_FOR:
        try:
            services = chat().services
            services.accounts.session("readyz", services.seconds())
            _last_probe = (now, True)
        except Exception as error:
            report(error)
            _last_probe = (now, False)
    if _last_probe[1]:
        return responses.json({"status": "ready"})
    return responses.json({"status": "unready", "reasons": ["the accounts cannot be read"]}, 503)
