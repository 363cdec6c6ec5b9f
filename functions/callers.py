"""Who calls the HTTP API, and from which address."""

from typing import Any

from domain.chat.metering import spend_read
from domain.ports.accounts import Session
from functions.bearer import bearer
from functions.bootstrap import chat
from functions.routing import Request

VIEWER = "x-viewer-address"
"""Header in which CloudFront gives the viewer's address. It replaces any header of this name that
the viewer sent (template.yaml)."""


def token(request: Request[Any]) -> str | None:
    """Returns the request's bearer token; None where there is none."""
    return bearer(request.headers.get("authorization"))


def authorized(request: Request[Any], kind: str) -> dict[str, Any]:
    """Returns the result of an authorizer of API Gateway, `lambda` or `jwt`. Callers cannot write
    into requestContext."""
    authorizer = request.event["requestContext"].get("authorizer") or {}
    return authorizer.get(kind) or {}


def metered_session(request: Request[Any], rows: int = 0) -> Session:
    """Returns the caller's session and charges the call to their allowance.

    Parameters
    ----------
    rows: maximum of rows that the call reads, if the request states no larger `limit`.

    Raises
    ------
    Unauthenticated: the request has no token of a session.
    RateLimited: the allowance is spent.
    """
    session = _session(request)
    spend_read(chat().services, session.user, max(rows, getattr(request.given, "limit", 0)))
    return session


def metered_user(request: Request[Any], rows: int = 0) -> str:
    """Returns the caller's id, as `metered_session` does their session."""
    return metered_session(request, rows).user


def source(request: Request[Any]) -> str:
    """Returns the caller's address. Behind CloudFront, API Gateway sees CloudFront's address; the
    one in CloudFront's header can be trusted, since the handler refuses all other requests."""
    viewer = request.headers.get(VIEWER) if chat().services.origin else None
    return viewer or request.event["requestContext"]["http"]["sourceIp"] or ""


def _session(request: Request[Any]) -> Session:
    """Returns the session that the authorizer found, otherwise the token's."""
    known = authorized(request, "lambda")
    if known.get("user") and known.get("session"):
        return Session(known["user"], known["session"], 0.0)
    return chat().sessions.who(token(request))
