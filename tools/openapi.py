"""The OpenAPI document of the HTTP API, generated from the declarations of the routes."""

import re
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from domain.protocol import answers
from functions.http_api import router
from functions.routing import Access, Route

Schema = dict[str, Any]

REFERENCE = "#/components/schemas/{model}"
DESCRIPTION = """Every error is `{"error": {"code", "message"}}`. On AWS, API Gateway itself \
refuses a call without a token with 401 `{"message": "Unauthorized"}` and a call with an expired \
token with 403 `{"message": "Forbidden"}`. docs/protocol.md explains the calls."""

SECURITY: dict[Access, list[Schema]] = {
    "anyone": [],
    "guest": [{}, {"session": []}],
    "session": [{"session": []}],
    "account": [{"account": []}],
}
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


def document() -> Schema:
    """Returns the OpenAPI 3.1 document."""
    paths: dict[str, Schema] = {}
    for route in router.routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    refusals = sorted({one for route in router.routes for one in route.refuses}, key=_name)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Parley", "version": "1", "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "security": SECURITY["session"],
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
    operation: Schema = {
        "operationId": route.answer.__name__,
        "summary": route.summary,
        "security": SECURITY[route.access],
        "responses": {
            str(route.status): _answer(route.summary, _body_of(route)),
            **{
                str(one.status): {"$ref": f"#/components/responses/{one.__name__}"}
                for one in route.refuses
            },
            "default": {"$ref": "#/components/responses/Refusal"},
        },
    }
    if route.takes is None:
        return operation
    schema = route.takes.model_json_schema()
    parts = _parts(route)
    inside = set(schema["properties"]) if route.method == "GET" else parts
    if inside:
        operation["parameters"] = _parameters(schema, parts, inside)
    if route.method != "GET":
        needed = any(name not in parts for name in schema.get("required", ()))
        operation["requestBody"] = {"required": needed, **_content(route.takes)}
    return operation


def _parts(route: Route) -> set[str]:
    """Returns the names of the path's parts."""
    return set(re.findall(r"{(\w+)}", route.path))


def _body_of(route: Route) -> type[BaseModel] | Schema | None:
    """Returns the body of a successful answer. Raises AttributeError: no model has its name."""
    if isinstance(route.answers, str):
        model: type[BaseModel] = getattr(answers, route.answers)
        return model
    return None if route.answers is None else dict(route.answers)


def _answer(description: str, body: type[BaseModel] | Schema | None) -> Schema:
    return {"description": description, **(_content(body) if body is not None else {})}


def _content(body: type[BaseModel] | Schema) -> Schema:
    schema = body if isinstance(body, dict) else {"$ref": REFERENCE.format(model=body.__name__)}
    return {"content": {"application/json": {"schema": schema}}}


def _parameters(schema: Schema, parts: set[str], inside: set[str]) -> list[Schema]:
    """Returns the parameters of a path and its query string: the fields `inside`."""
    return [
        {
            "name": name,
            "in": "path" if name in parts else "query",
            "required": name in schema.get("required", ()),
            "schema": _bare(field),
        }
        for name, field in schema["properties"].items()
        if name in inside
    ]


def _bare(field: Schema) -> Schema:
    """Returns a parameter's schema: a parameter that may be null is optional."""
    (kind,) = (one for one in field.get("anyOf", [field]) if one.get("type") != "null")
    default = field.get("default")
    kept = {name: value for name, value in kind.items() if name not in ("title", "default")}
    return kept if default is None else {**kept, "default": default}


def _schemas() -> Schema:
    """Returns the schemas of all bodies by model."""
    bodies = [route for route in router.routes if route.takes and route.method != "GET"]
    models: set[type[BaseModel]] = {answers.ErrorBody}
    models |= {route.takes for route in bodies if route.takes}
    models |= {body for body in map(_body_of, router.routes) if isinstance(body, type)}
    _, schema = models_json_schema(
        [(model, "validation") for model in sorted(models, key=_name)], ref_template=REFERENCE
    )
    schemas: Schema = schema["$defs"]
    for route in bodies:
        assert route.takes is not None
        _leave_out(schemas[_name(route.takes)], _parts(route))
    return schemas


def _leave_out(schema: Schema, fields: set[str]) -> None:
    """Removes fields from a body's schema that are in the path."""
    for field in fields:
        del schema["properties"][field]
    if "required" in schema:
        schema["required"] = [name for name in schema["required"] if name not in fields]
