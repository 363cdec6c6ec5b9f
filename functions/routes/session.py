"""Sessions: entering with a nickname or a sign-in, leaving, and tickets for the WebSocket."""

from domain.errors import Forbidden, Invalid, NicknameTaken, RateLimited, Unauthenticated
from domain.protocol.http import EnterRequest, ExchangeRequest
from functions import responses
from functions.bootstrap import chat
from functions.callers import authorized, metered_session, metered_user, source, token
from functions.claims import verified_identity
from functions.observing import Answer
from functions.routes import router
from functions.routing import Request

LINK_ROWS = 4_000
"""The cost of a link for the allowance, in rows of a page: 21 reads, so a person makes some 15 a
minute at most, and each is kept for a day."""

ENTERING = (Invalid, Forbidden, NicknameTaken, RateLimited)


def _entered(token: str, user: str) -> Answer:
    body = {"token": token, "user": {"id": user, "name": chat().entering.name(user)}}
    return responses.json(body, 201)


@router.on(
    "POST",
    "/api/session",
    EnterRequest,
    summary="Starts a guest's session",
    answers="Entered",
    status=201,
    access="guest",
    refuses=(*ENTERING, Unauthenticated),
)
def enter(request: Request[EnterRequest]) -> Answer:
    nickname, link = request.given.nickname, request.given.link
    if (nickname is None) == (link is None):
        raise Invalid("give a nickname or a link")
    if link is not None:
        return _entered(*chat().entering.by_link(link, source(request)))
    assert nickname is not None
    return _entered(*chat().entering.enter(nickname, token(request), source(request)))


@router.on(
    "POST",
    "/api/session/cognito",
    ExchangeRequest,
    summary="Starts a session for an account's sign-in",
    answers="Entered",
    status=201,
    access="account",
    refuses=(*ENTERING, Unauthenticated),
)
def exchange(request: Request[ExchangeRequest]) -> Answer:
    known = verified_identity(authorized(request, "jwt").get("claims") or {})
    nickname = request.given.nickname or known.name
    return _entered(*chat().entering.exchange(known.sub, known.email, nickname, source(request)))


@router.on(
    "GET",
    "/api/session",
    summary="Reads the session's person",
    answers="Identity",
    refuses=(Unauthenticated,),
)
def who(request: Request[None]) -> Answer:
    user = metered_user(request)
    return responses.json({"id": user, "name": chat().entering.name(user)})


@router.on(
    "DELETE",
    "/api/session",
    summary="Ends the session and closes its sockets",
    status=204,
    refuses=(Unauthenticated,),
)
def leave(request: Request[None]) -> Answer:
    chat().sessions.leave(token(request))
    return responses.empty()


@router.on(
    "POST",
    "/api/session/link",
    summary="Gives a link that brings a guest to another device, once",
    answers="SessionLink",
    status=201,
    refuses=(Unauthenticated, Forbidden, RateLimited),
)
def link(request: Request[None]) -> Answer:
    secret = chat().sessions.link_for(metered_session(request, rows=LINK_ROWS))
    # In the fragment, which browsers send to no server.
    return responses.json({"url": f"/#/link/{secret}"}, 201)


@router.on(
    "POST",
    "/api/tickets",
    summary="Creates a ticket that opens one WebSocket",
    answers="Ticket",
    status=201,
    refuses=(Unauthenticated,),
)
def ticket(request: Request[None]) -> Answer:
    made = chat().sessions.ticket_for(metered_session(request))
    return responses.json({"ticket": made, "url": f"{_socket_url(request)}?ticket={made}"}, 201)


def _socket_url(request: Request[None]) -> str:
    scheme = "wss" if request.headers.get("x-forwarded-proto") == "https" else "ws"
    here = f"{scheme}://{request.event['requestContext']['domainName']}/ws"
    return chat().services.socket_url or here
