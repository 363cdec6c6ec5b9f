"""Mail about mentions and direct messages: the person's choice, and the link to unsubscribe."""

from domain.errors import Invalid, NotFound, RateLimited, Unauthenticated
from domain.protocol.http import NoticesRequest
from functions import responses
from functions.bootstrap import chat
from functions.callers import metered_user, source
from functions.observing import Answer
from functions.routes import router
from functions.routing import Request

ASK = (
    '<form method="post"><p>Do you want to end mail about mentions and messages?</p>'
    '<button type="submit">End mail</button></form>'
)
DONE = "<p>You get no more mail. You can turn it on again in the web app.</p>"


@router.on(
    "GET",
    "/api/session/notices",
    summary="Reads whether the person gets mail",
    answers="Notices",
    refuses=(Unauthenticated,),
)
def notices(request: Request[None]) -> Answer:
    return responses.json(chat().preferences.notices(metered_user(request)))


@router.on(
    "PUT",
    "/api/session/notices",
    NoticesRequest,
    summary="Sets whether the person gets mail",
    answers="Notices",
    refuses=(Invalid, Unauthenticated),
)
def set_notices(request: Request[NoticesRequest]) -> Answer:
    return responses.json(chat().preferences.set_notices(metered_user(request), request.given.mail))


def _token(request: Request[None]) -> str:
    return str((request.event.get("queryStringParameters") or {}).get("token", ""))


@router.on(
    "GET",
    "/api/unsubscribe",
    summary="Asks whether to end mail",
    access="anyone",
    refuses=(NotFound, RateLimited),
)
def ask_unsubscribe(request: Request[None]) -> Answer:
    """Asks first, because mail programs open links to check them."""
    chat().preferences.subscriber(_token(request), source(request))
    return responses.page(ASK)


@router.on(
    "POST",
    "/api/unsubscribe",
    summary="Ends mail",
    access="anyone",
    refuses=(NotFound, RateLimited),
    # A mail program posts a form here (RFC 8058); the address already has all of its information.
    ignores_body=True,
)
def unsubscribe(request: Request[None]) -> Answer:
    """Accepts the page's form and a mail program's one-click request (RFC 8058), without a
    session."""
    chat().preferences.unsubscribe(_token(request), source(request))
    return responses.page(DONE)
