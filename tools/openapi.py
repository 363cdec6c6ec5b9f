"""The OpenAPI document of the HTTP API: its routes, and what is said of each here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from domain.errors import (
    Forbidden,
    Invalid,
    NicknameTaken,
    NotFound,
    ParleyError,
    RateLimited,
    Unauthenticated,
)
from domain.protocol import answers
from functions.http_api import router
from functions.routing import Route

Schema = dict[str, Any]

REFERENCE = "#/components/schemas/{model}"
DESCRIPTION = """Every refusal is `{"error": {"code", "message"}}`. On AWS, API Gateway itself \
refuses a call without a token with 401 `{"message": "Unauthorized"}` and one whose token is over \
with 403 `{"message": "Forbidden"}`. docs/protocol.md tells what the calls mean."""

GUEST: list[Schema] = [{}, {"session": []}]
SESSION: list[Schema] = [{"session": []}]
ACCOUNT: list[Schema] = [{"account": []}]
SCHEMES = {
    "session": {
        "type": "http",
        "scheme": "bearer",
        "description": "The token that `POST /api/session` or its exchange gave.",
    },
    "account": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A Cognito ID token, where the deployment has a user pool.",
    },
}
HEALTHY = {
    "type": "object",
    "properties": {"status": {"const": "ok"}},
    "required": ["status"],
    "description": "The local engine adds figures of its own.",
}
READY = {
    "type": "object",
    "properties": {"status": {"const": "ready"}},
    "required": ["status"],
    "description": "503 with `{status: unready, reasons}` where it is not.",
}


@dataclass(frozen=True, slots=True)
class Told:
    """What a route does not say itself.

    Attributes
    ----------
    answer: the body, as a model or a schema; None where there is none.
    security: who may call; empty for anybody.
    refusals: those that are to be expected.
    """

    summary: str
    status: int
    answer: type[BaseModel] | Schema | None
    security: list[Schema]
    refusals: tuple[type[ParleyError], ...] = ()


PAGE = (Invalid, Unauthenticated, NotFound)
LIST = (Invalid, Unauthenticated)
ENTERING = (Invalid, Forbidden, NicknameTaken, RateLimited)
TOLD: Mapping[str, Told] = {
    "enter": Told("Lets a guest in", 201, answers.Entered, GUEST, ENTERING),
    "exchange": Told(
        "Gives a session for an account's sign-in",
        201,
        answers.Entered,
        ACCOUNT,
        (*ENTERING, Unauthenticated),
    ),
    "who": Told("Tells whose the session is", 200, answers.Identity, SESSION, (Unauthenticated,)),
    "leave": Told(
        "Ends the session and closes its sockets", 204, None, SESSION, (Unauthenticated,)
    ),
    "notices": Told(
        "Tells whether one gets mail", 200, answers.Notices, SESSION, (Unauthenticated,)
    ),
    "set_notices": Told(
        "Sets whether one gets mail", 200, answers.Notices, SESSION, (Invalid, Unauthenticated)
    ),
    "ask_unsubscribe": Told("Asks whether to end mail", 200, None, [], (NotFound, RateLimited)),
    "unsubscribe": Told("Ends mail", 200, None, [], (NotFound, RateLimited)),
    "ticket": Told(
        "Gives a ticket that opens one WebSocket", 201, answers.Ticket, SESSION, (Unauthenticated,)
    ),
    "invitations": Told(
        "Lists one's pending invitations", 200, answers.Invitations, SESSION, (Unauthenticated,)
    ),
    "rooms": Told("Lists a page of one's rooms", 200, answers.Rooms, SESSION, LIST),
    "directory": Told("Lists a page of rooms to join", 200, answers.Rooms, SESSION, LIST),
    "messages": Told("Reads a page of messages", 200, answers.Messages, SESSION, PAGE),
    "events": Told("Reads a page of the log", 200, answers.EventList, SESSION, PAGE),
    "members": Told("Reads a page of members", 200, answers.Members, SESSION, PAGE),
    "openapi": Told("Gives this document", 200, {"type": "object"}, []),
    "health": Told("Tells that the service answers", 200, HEALTHY, []),
    "ready": Told("Tells that the service can do its work", 200, READY, []),
}


def document() -> Schema:
    """Returns the OpenAPI 3.1 document."""
    paths: dict[str, Schema] = {}
    for route in router.routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    refusals = sorted({one for told in TOLD.values() for one in told.refusals}, key=_name)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Parley", "version": "1", "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "security": SESSION,
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": SCHEMES,
            "responses": {
                "Refusal": _answer("Any other refusal", answers.ErrorBody),
                **{
                    one.__name__: _answer(f"`{one.code}`: {one.default}", answers.ErrorBody)
                    for one in refusals
                },
            },
        },
    }


def _name(one: type[Any]) -> str:
    return one.__name__


def _operation(route: Route) -> Schema:
    told = TOLD[_name_of(route)]
    operation: Schema = {
        "operationId": _name_of(route),
        "summary": told.summary,
        "security": told.security,
        "responses": {
            str(told.status): _answer(told.summary, told.answer),
            **{
                str(one.status): {"$ref": f"#/components/responses/{one.__name__}"}
                for one in told.refusals
            },
            "default": {"$ref": "#/components/responses/Refusal"},
        },
    }
    if route.takes is not None and route.method == "GET":
        operation["parameters"] = _parameters(route.path, route.takes)
    elif route.takes is not None:
        needed = any(field.is_required() for field in route.takes.model_fields.values())
        operation["requestBody"] = {"required": needed, **_content(route.takes)}
    return operation


def _name_of(route: Route) -> str:
    return route.answer.__name__


def _answer(description: str, body: type[BaseModel] | Schema | None) -> Schema:
    return {"description": description, **(_content(body) if body is not None else {})}


def _content(body: type[BaseModel] | Schema) -> Schema:
    schema = body if isinstance(body, dict) else {"$ref": REFERENCE.format(model=body.__name__)}
    return {"content": {"application/json": {"schema": schema}}}


def _parameters(path: str, model: type[BaseModel]) -> list[Schema]:
    schema = model.model_json_schema()
    return [
        {
            "name": name,
            "in": "path" if f"{{{name}}}" in path else "query",
            "required": name in schema.get("required", ()),
            "schema": _bare(field),
        }
        for name, field in schema["properties"].items()
    ]


def _bare(field: Schema) -> Schema:
    """Returns a parameter's schema: what may be null is one that may be left out."""
    (kind,) = (one for one in field.get("anyOf", [field]) if one.get("type") != "null")
    default = field.get("default")
    kept = {name: value for name, value in kind.items() if name not in ("title", "default")}
    return kept if default is None else {**kept, "default": default}


def _schemas() -> Schema:
    """Returns the schemas of all bodies by model."""
    models: set[type[BaseModel]] = {answers.ErrorBody}
    models |= {route.takes for route in router.routes if route.takes and route.method != "GET"}
    models |= {told.answer for told in TOLD.values() if isinstance(told.answer, type)}
    _, schema = models_json_schema(
        [(model, "validation") for model in sorted(models, key=_name)], ref_template=REFERENCE
    )
    schemas: Schema = schema["$defs"]
    return schemas
