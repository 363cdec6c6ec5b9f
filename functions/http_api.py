"""The HTTP API: API Gateway HTTP API 2.0 events to use cases.

No CORS: the web app and the API have one origin (behind CloudFront, or the local engine), so an
answer has no Access-Control headers and other origins' pages cannot read it.
"""

import time
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from aws_lambda_powertools.utilities.typing import LambdaContext

from domain.chat.metering import spend_read
from domain.errors import Forbidden, Internal, ParleyError
from domain.metrics import INTERNAL
from domain.ports import Session
from domain.protocol.http import (
    DirectoryQuery,
    EnterRequest,
    EventsQuery,
    ExchangeRequest,
    MembersQuery,
    MessagesQuery,
    NoticesRequest,
    RoomsQuery,
)
from functions import pages
from functions.bearer import bearer
from functions.bootstrap import chat
from functions.claims import vouched
from functions.entry import entry
from functions.observing import Answer, Event, report
from functions.origin import by_cloudfront
from functions.routing import Request, Router

VIEWER = "x-viewer-address"
"""Header that CloudFront adds, in place of what the viewer calls so (template.yaml)."""

HEALTH = "/healthz"
READY = "/readyz"

READY_FOR = 5.0
"""Seconds that an answer about readiness counts in a process: a probe costs no more reads."""

DOCUMENT = Path(__file__).with_name("openapi.json")
"""Made of these routes by `make types`."""

router = Router()
router.forms.add(("POST", "/api/unsubscribe"))


def _json(body: Any, status: int = 200) -> Answer:
    # Already the wire's shape (tests hold it against the models): validating each answer again
    # would double a page's time.
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return {"statusCode": status, "headers": headers, "body": orjson.dumps(body).decode()}


def _refusal(error: ParleyError) -> Answer:
    if isinstance(error, Internal):
        chat().services.metrics.add(INTERNAL)
    return _json({"error": {"code": error.code, "message": error.message}}, error.status)


def _token(request: Request[Any]) -> str | None:
    return bearer(request.headers.get("authorization"))


def _authorizer(request: Request[Any], kind: str) -> dict[str, Any]:
    """Returns what an authorizer of API Gateway said: nobody else writes requestContext."""
    authorizer = request.event["requestContext"].get("authorizer") or {}
    return authorizer.get(kind) or {}


def _session(request: Request[Any]) -> Session:
    """Returns the caller's session: the authorizer's word, or else the token's."""
    known = _authorizer(request, "lambda")
    if known.get("user") and known.get("session"):
        return Session(known["user"], known["session"], 0.0)
    return chat().entering.who(_token(request))


def _metered(request: Request[Any]) -> Session:
    """Returns the caller's session, with the call taken off their allowance."""
    session = _session(request)
    spend_read(chat().services, session.user, getattr(request.given, "limit", 0))
    return session


def _user(request: Request[Any]) -> str:
    return _metered(request).user


def _source(request: Request[Any]) -> str:
    """Returns the address that asks. Behind CloudFront API Gateway sees CloudFront's; what that
    says of its viewer counts since `handler` let in nothing else."""
    viewer = request.headers.get(VIEWER) if chat().services.origin else None
    return viewer or request.event["requestContext"]["http"]["sourceIp"] or ""


def _entered(token: str, user: str) -> Answer:
    return _json({"token": token, "user": {"id": user, "name": chat().entering.name(user)}}, 201)


@router.on("POST", "/api/session", EnterRequest)
def enter(request: Request[EnterRequest]) -> Answer:
    return _entered(
        *chat().entering.enter(request.given.nickname, _token(request), _source(request))
    )


@router.on("POST", "/api/session/cognito", ExchangeRequest)
def exchange(request: Request[ExchangeRequest]) -> Answer:
    known = vouched(_authorizer(request, "jwt").get("claims") or {})
    nickname = request.given.nickname or known.name
    return _entered(*chat().entering.exchange(known.sub, known.email, nickname, _source(request)))


@router.on("GET", "/api/session")
def who(request: Request[None]) -> Answer:
    user = _user(request)
    return _json({"id": user, "name": chat().entering.name(user)})


@router.on("DELETE", "/api/session")
def leave(request: Request[None]) -> Answer:
    chat().entering.leave(_token(request))
    return {"statusCode": 204, "headers": {}, "body": ""}


@router.on("GET", "/api/session/notices")
def notices(request: Request[None]) -> Answer:
    return _json(chat().preferences.notices(_user(request)))


@router.on("PUT", "/api/session/notices", NoticesRequest)
def set_notices(request: Request[NoticesRequest]) -> Answer:
    return _json(chat().preferences.set_notices(_user(request), request.given.mail))


def _unsubscribe_token(request: Request[None]) -> str:
    return str((request.event.get("queryStringParameters") or {}).get("token", ""))


@router.on("GET", "/api/unsubscribe")
def ask_unsubscribe(request: Request[None]) -> Answer:
    """Asks: mail programs open links to look at them."""
    chat().preferences.subscriber(_unsubscribe_token(request), _source(request))
    return pages.page(pages.ASK)


@router.on("POST", "/api/unsubscribe")
def unsubscribe(request: Request[None]) -> Answer:
    """The form's answer, and a mail program's one click (RFC 8058): without signing in."""
    chat().preferences.unsubscribe(_unsubscribe_token(request), _source(request))
    return pages.page(pages.DONE)


@router.on("POST", "/api/tickets")
def ticket(request: Request[None]) -> Answer:
    made = chat().entering.ticket_for(_metered(request))
    return _json({"ticket": made, "url": f"{_socket_url(request)}?ticket={made}"}, 201)


def _socket_url(request: Request[None]) -> str:
    scheme = "wss" if request.headers.get("x-forwarded-proto") == "https" else "ws"
    here = f"{scheme}://{request.event['requestContext']['domainName']}/ws"
    return chat().services.socket_url or here


@router.on("GET", "/api/rooms", RoomsQuery)
def rooms(request: Request[RoomsQuery]) -> Answer:
    page = request.given
    return _json(chat().listing.own(_user(request), page.cursor, page.limit))


@router.on("GET", "/api/directory", DirectoryQuery)
def directory(request: Request[DirectoryQuery]) -> Answer:
    page = request.given
    return _json(chat().listing.directory(_user(request), page.q, page.cursor, page.limit))


@router.on("GET", "/api/invitations")
def invitations(request: Request[None]) -> Answer:
    return _json(chat().inviting.pending(_user(request)))


@router.on("GET", "/api/rooms/{room}/messages", MessagesQuery)
def messages(request: Request[MessagesQuery]) -> Answer:
    page = request.given
    return _json(chat().reading.messages(page.room, _user(request), page.before, page.limit))


@router.on("GET", "/api/rooms/{room}/events", EventsQuery)
def events(request: Request[EventsQuery]) -> Answer:
    page = request.given
    return _json(chat().reading.events(page.room, _user(request), page.after, page.limit))


@router.on("GET", "/api/rooms/{room}/members", MembersQuery)
def members(request: Request[MembersQuery]) -> Answer:
    page = request.given
    return _json(chat().reading.members(page.room, _user(request), page.after, page.limit))


@cache
def _document() -> str:
    return DOCUMENT.read_text()


@router.on("GET", "/api/openapi.json")
def openapi(request: Request[None]) -> Answer:
    headers = {"Content-Type": "application/json"}
    return {"statusCode": 200, "headers": headers, "body": _document()}


@router.on("GET", HEALTH)
def health(request: Request[None]) -> Answer:
    return _json({"status": "ok"})


_looked: tuple[float, bool] = (-READY_FOR, False)
"""When readiness was looked at, by the monotonic clock, and what was found."""


@router.on("GET", READY)
def ready(request: Request[None]) -> Answer:
    """Reads one item that every call needs: a session that does not exist."""
    global _looked
    now = time.monotonic()
    if now - _looked[0] >= READY_FOR:
        try:
            services = chat().services
            services.accounts.session("readyz", services.seconds())
            _looked = (now, True)
        except Exception as error:
            report(error)
            _looked = (now, False)
    if _looked[1]:
        return _json({"status": "ready"})
    return _json({"status": "unready", "reasons": ["the accounts cannot be read"]}, 503)


def _went_round(event: Event) -> bool:
    """Returns whether a request came by another way than CloudFront, and so past its firewall.
    The health check may: it tells nothing and costs nothing."""
    if event["rawPath"] == HEALTH:
        return False
    return not by_cloudfront(event)


@entry
def handler(event: Event, context: LambdaContext) -> Answer:
    try:
        if _went_round(event):
            raise Forbidden("this address is not for you: ask the web app's")
        return router.answer(event)
    except ParleyError as problem:
        return _refusal(problem)
    except Exception as error:
        report(error)
        return _refusal(Internal())
