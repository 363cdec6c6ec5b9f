"""The OpenAPI document and the routes that it is made of."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from domain.errors import NotFound
from domain.protocol import answers, server
from domain.protocol.fields import RoomId, Version, Wire
from functions.http_api import router
from functions.observing import Answer
from functions.routes.service import DOCUMENT, HEALTH, READY
from functions.routing import Request, Router
from tools import openapi
from tools.openapi import document

SHIPPED: dict[str, Any] = json.loads(DOCUMENT.read_text())
ROUTES = {(route.method.lower(), route.path): route for route in router.routes}
OPERATIONS: dict[tuple[str, str], dict[str, Any]] = {
    (method, path): operation
    for path, methods in SHIPPED["paths"].items()
    for method, operation in methods.items()
}


def within(node: Any, field: str) -> Iterator[Any]:
    """Yields what is called so, at any depth."""
    if isinstance(node, dict):
        if field in node:
            yield node[field]
        node = list(node.values())
    if isinstance(node, list):
        for one in node:
            yield from within(one, field)


def test_the_shipped_document_is_that_of_the_routes() -> None:
    assert document() == SHIPPED, "stale: run `make types`"


def test_every_route_is_in_the_document_and_nothing_else() -> None:
    assert set(OPERATIONS) == set(ROUTES)
    assert len(ROUTES) == len(router.routes)
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("place", sorted(ROUTES))
def test_an_operation_takes_what_its_route_takes(place: tuple[str, str]) -> None:
    method, path = place
    route, operation = ROUTES[place], OPERATIONS[place]
    parameters = {one["name"]: one for one in operation.get("parameters", [])}
    fields = dict(route.takes.model_fields) if route.takes else {}
    if method == "get":
        assert set(parameters) == set(fields)
        for name, one in parameters.items():
            assert one["required"] is fields[name].is_required()
            if not one["required"]:
                assert one["schema"].get("default") == fields[name].default
            bounds = set(one["schema"]) & {"pattern", "maximum", "maxLength"}
            assert bounds, f"{name} has no bounds"
    else:
        assert set(parameters) == set(re.findall(r"{(\w+)}", path))
        assert ("requestBody" in operation) is bool(fields)
    parts = {name for name, one in parameters.items() if one["in"] == "path"}
    assert parts == set(re.findall(r"{(\w+)}", path))
    assert all(parameters[name]["required"] for name in parts)


class Mark(Wire):
    room: RoomId
    version: Version


def test_a_new_route_is_described_where_it_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Router()
    monkeypatch.setattr(openapi, "router", made)

    @made.on(
        "POST",
        "/api/rooms/{room}/marks",
        Mark,
        summary="Sets a mark",
        answers="Identity",
        status=201,
        refuses=(NotFound,),
    )
    def mark(request: Request[Mark]) -> Answer:
        return {}

    told = document()
    operation = told["paths"]["/api/rooms/{room}/marks"]["post"]
    assert (operation["operationId"], operation["summary"]) == ("mark", "Sets a mark")
    assert operation["security"] == [{"session": []}]
    assert set(operation["responses"]) == {"201", "404", "default"}
    assert operation["responses"]["201"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/Identity"
    }
    assert set(told["components"]["responses"]) == {"Refusal", "NotFound"}
    (room,) = operation["parameters"]
    assert (room["name"], room["in"], room["required"]) == ("room", "path", True)
    assert operation["requestBody"]["required"] is True
    body = told["components"]["schemas"]["Mark"]
    assert (set(body["properties"]), body["required"]) == ({"version"}, ["version"])


def test_every_route_describes_itself() -> None:
    for route in router.routes:
        assert route.summary, route.path
        assert route.status != 204 or route.answers is None


def test_the_document_is_whole() -> None:
    assert SHIPPED["openapi"] == "3.1.0"
    references = set(within(SHIPPED, "$ref"))
    assert references
    for reference in references:
        node = SHIPPED
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
    assert not list(within(SHIPPED, "$defs"))
    schemes = set(SHIPPED["components"]["securitySchemes"])
    assert {name for listed in within(SHIPPED, "security") for one in listed for name in one} == (
        schemes
    )
    for operation in OPERATIONS.values():
        assert operation["summary"]
        statuses = set(operation["responses"])
        assert "default" in statuses
        assert len([status for status in statuses if status.startswith("2")]) == 1


def test_a_token_is_asked_for_save_by_the_open_calls() -> None:
    free = {place for place, operation in OPERATIONS.items() if not operation["security"]}
    links = {("get", "/api/unsubscribe"), ("post", "/api/unsubscribe")}
    assert free == {("get", "/api/openapi.json"), ("get", HEALTH), ("get", READY)} | links
    assert {} in OPERATIONS[("post", "/api/session")]["security"]


def test_refusals_are_the_wires_error_body() -> None:
    for answer in SHIPPED["components"]["responses"].values():
        (content,) = answer["content"].values()
        assert content["schema"] == {"$ref": "#/components/schemas/ErrorBody"}
    assert set(answers.ErrorBody.model_fields) == {"error"}


def test_a_handler_loads_neither_the_answers_models_nor_a_framework() -> None:
    program = "import sys, functions.http_api; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    loaded = done.stdout.decode().split()
    for name in (answers.__name__, server.__name__, "aws_lambda_powertools.event_handler"):
        assert name not in loaded
