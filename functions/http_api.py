"""The HTTP API: API Gateway HTTP API 2.0 events to use cases.

No CORS: the web app and the API have one origin (behind CloudFront, or the local engine), so an
answer has no Access-Control headers and other origins' pages cannot read it.
"""

import hmac
from typing import Annotated, Any

import orjson
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic_core import from_json

from domain.errors import Forbidden, Internal, Invalid, NotFound, ParleyError
from domain.ports import Session
from domain.protocol import http
from domain.protocol.fields import MAX_VERSION, ROOM_PATTERN
from functions.bearer import bearer
from functions.bootstrap import chat
from functions.claims import vouched
from functions.observing import Answer, Event, logger, report

app = APIGatewayHttpResolver(enable_validation=True)

ORIGIN_SECRET, VIEWER = "x-origin-secret", "x-viewer-address"
"""Headers that CloudFront adds, in place of what the viewer calls so (template.yaml)."""

HEALTH = "/healthz"

Room = Annotated[str, Path(pattern=ROOM_PATTERN)]
Limit = Annotated[int, Query(ge=1, le=1000)]
After = Annotated[int, Query(ge=0, le=MAX_VERSION)]
Before = Annotated[int | None, Query(ge=1, le=MAX_VERSION)]
AfterUser = Annotated[str, Query(max_length=40)]


def _json(body: Any, status: int = 200) -> Response[Any]:
    # Already the wire's shape (tests hold it against the models): validating each answer again
    # would double a page's time.
    headers = {"Cache-Control": "no-store"}
    return Response(status, "application/json", orjson.dumps(body).decode(), headers)


def _shape(model: Any, status: int = 200) -> dict[int, Any]:
    return {status: {"description": "", "content": {"application/json": {"model": model}}}}


def _token() -> str | None:
    return bearer(app.current_event.headers.get("authorization"))


def _authorizer(kind: str) -> dict[str, Any]:
    """Returns what an authorizer of API Gateway said: nobody else writes requestContext."""
    authorizer = app.current_event.raw_event["requestContext"].get("authorizer") or {}
    return authorizer.get(kind) or {}


def _session() -> Session:
    """Returns the caller's session: the authorizer's word, or else the token's."""
    known = _authorizer("lambda")
    if known.get("user") and known.get("session"):
        return Session(known["user"], known["session"], 0.0)
    return chat().entering.who(_token())


def _user() -> str:
    return _session().user


def _source() -> str:
    """Returns the address that asks. Behind CloudFront API Gateway sees CloudFront's; what that
    says of its viewer counts since `handler` let in nothing else."""
    event = app.current_event
    viewer = event.headers.get(VIEWER) if chat().services.origin_secret else None
    return viewer or event.request_context.http.source_ip or ""


def _entered(token: str, user: str) -> Response[Any]:
    return _json({"token": token, "user": {"id": user, "name": chat().entering.name(user)}}, 201)


@app.post("/api/session", responses=_shape(http.Entered, 201))
def enter(body: http.EnterRequest) -> Response[Any]:
    return _entered(*chat().entering.enter(body.nickname, _token(), _source()))


@app.post("/api/session/cognito", responses=_shape(http.Entered, 201))
def exchange(body: http.ExchangeRequest | None = None) -> Response[Any]:
    known = vouched(_authorizer("jwt").get("claims") or {})
    nickname = (body.nickname if body else None) or known.name
    return _entered(*chat().entering.exchange(known.sub, known.email, nickname, _source()))


@app.get("/api/session", responses=_shape(http.Identity))
def who() -> Response[Any]:
    user = _user()
    return _json({"id": user, "name": chat().entering.name(user)})


@app.delete("/api/session")
def leave() -> Response[Any]:
    chat().entering.leave(_token())
    return Response(204, None, "")


@app.post("/api/tickets", responses=_shape(http.Ticket, 201))
def ticket() -> Response[Any]:
    made = chat().entering.ticket_for(_session())
    return _json({"ticket": made, "url": f"{_socket_url()}?ticket={made}"}, 201)


def _socket_url() -> str:
    request = app.current_event
    scheme = "wss" if request.headers.get("x-forwarded-proto") == "https" else "ws"
    return chat().services.socket_url or f"{scheme}://{request.request_context.domain_name}/ws"


@app.get("/api/rooms", responses=_shape(http.Rooms))
def rooms() -> Response[Any]:
    return _json(chat().reading.rooms(_user()))


@app.get("/api/rooms/<room>/messages", responses=_shape(http.Messages))
def messages(room: Room, before: Before = None, limit: Limit = 50) -> Response[Any]:
    return _json(chat().reading.messages(room, _user(), before, limit))


@app.get("/api/rooms/<room>/events", responses=_shape(http.EventList))
def events(room: Room, after: After = 0, limit: Limit = 100) -> Response[Any]:
    return _json(chat().reading.events(room, _user(), after, limit))


@app.get("/api/rooms/<room>/members", responses=_shape(http.Members))
def members(room: Room, after: AfterUser = "", limit: Limit = 100) -> Response[Any]:
    return _json(chat().reading.members(room, _user(), after, limit))


@app.get("/api/openapi.json")
def openapi() -> Response[Any]:
    return Response(
        200, "application/json", app.get_openapi_json_schema(title="Parley", version="1")
    )


@app.get(HEALTH)
def health() -> Response[Any]:
    return _json({"status": "ok"})


def _body(error: ParleyError) -> dict[str, Any]:
    return {"error": {"code": error.code, "message": error.message}}


def _refusal(error: ParleyError) -> Response[Any]:
    return _json(_body(error), error.status)


@app.exception_handler(ParleyError)  # type: ignore[untyped-decorator]
def refused(error: ParleyError) -> Response[Any]:
    return _refusal(error)


@app.exception_handler(RequestValidationError)  # type: ignore[untyped-decorator]
def invalid(error: RequestValidationError) -> Response[Any]:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first.get("loc", ()) if part != "body")
    return _refusal(Invalid(f"{where}: {first.get('msg', '')}"[:200]))


@app.exception_handler(NotFoundError)  # type: ignore[untyped-decorator]
def unknown(error: NotFoundError) -> Response[Any]:
    return _refusal(NotFound())


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def unexpected(error: Exception) -> Response[Any]:
    report(error)
    return _refusal(Internal())


def _went_round(event: Event) -> bool:
    """Returns whether a request came by another way than CloudFront, and so past its firewall.
    The health check may: it tells nothing and costs nothing."""
    secret = chat().services.origin_secret
    if not secret or event["rawPath"] == HEALTH:
        return False
    shown = event["headers"].get(ORIGIN_SECRET, "")
    return not hmac.compare_digest(shown.encode(errors="replace"), secret.encode())


def _refused(problem: ParleyError) -> Answer:
    return {
        "statusCode": problem.status,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"},
        "body": orjson.dumps(_body(problem)).decode(),
    }


@logger.inject_lambda_context
def handler(event: Event, context: LambdaContext) -> Answer:
    if _went_round(event):
        return _refused(Forbidden("this address is not for you: ask the web app's"))
    if event.get("body"):
        # Whatever it calls itself, a body is JSON: read once here, where its depth is bounded.
        try:
            from_json(event["body"])
        except ValueError:
            return _refused(Invalid("the body is not JSON that can be read"))
    event = {**event, "headers": {**event["headers"], "content-type": "application/json"}}
    return app.resolve(event, context)
