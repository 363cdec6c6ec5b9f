"""Routes API Gateway HTTP API events (payload 2.0) to functions.

A request is an argument of the function that answers it, and no state is kept between requests, so
threads may answer any number at once (docs/adr/0014).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypedDict, TypeVar, Unpack, overload
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from domain.errors import Invalid, NotFound, ParleyError
from functions.observing import Answer, Event

Given = TypeVar("Given")

_PART = re.compile(r"[\w\-.~()'!*:@,;=+&$%<> \[\]{}|^]+")
"""Characters of a named part: those of a URL, and some that are escaped in one."""

_FAULTS = {
    # pydantic's message has the key, which the client chose, and the model, which is internal.
    "extra_forbidden": "there is a field that is not declared",
    "model_type": "the body is not an object",
}


@dataclass(frozen=True, slots=True)
class Request(Generic[Given]):
    """
    Attributes
    ----------
    event: what API Gateway sent.
    headers: by name in lower case.
    given: the validated parameters of the route; None if it takes none.
    """

    event: Event
    headers: Mapping[str, str]
    given: Given


Handle = Callable[[Request[Given]], Answer]


Access = Literal["anyone", "guest", "session", "account"]
"""Who may call a route: anyone; anyone, with or without a session (`guest`); the holder of a
session's token; the holder of an account's sign-in."""


class Described(TypedDict, total=False):
    """Description of a route, in addition to its method, path and parameters. The OpenAPI document
    (tools/openapi.py) is generated from it.

    Attributes
    ----------
    summary: what the route does, in one line.
    answers: name of the answer's model in domain/protocol/answers.py, or a JSON Schema; None for
        an answer without a JSON body. A name, because handlers do not import those models.
    status: HTTP status of a successful answer.
    access: who may call the route.
    refuses: errors that callers must expect.
    ignores_body: whether any body is ignored.
    of_views: whether it answers from the views alone: the local engine lets them catch up first.
    """

    summary: str
    answers: str | Mapping[str, Any] | None
    status: int
    access: Access
    refuses: tuple[type[ParleyError], ...]
    ignores_body: bool
    of_views: bool


@dataclass(frozen=True, slots=True)
class Route:
    """One route. The attributes after `answer` are those of `Described`.

    Attributes
    ----------
    path: named parts are in braces, as in OpenAPI.
    takes: model of the path's parts and of the query string (GET) or the body's fields (other
        methods).
    answer: the function that answers.
    """

    method: str
    path: str
    takes: type[Any] | None
    answer: Handle[Any]
    summary: str = ""
    answers: str | Mapping[str, Any] | None = None
    status: int = 200
    access: Access = "session"
    refuses: tuple[type[ParleyError], ...] = ()
    ignores_body: bool = False
    of_views: bool = False

    def parts(self, path: str) -> dict[str, str] | None:
        """Returns the named parts of a path; None if it is not this route's path."""
        ours, theirs, parts = self.path.split("/"), path.split("/"), {}
        if len(ours) != len(theirs):
            return None
        for name, value in zip(ours, theirs, strict=True):
            if not name.startswith("{"):
                if name != value:
                    return None
            elif _PART.fullmatch(value):
                parts[name[1:-1]] = value
            else:
                return None
        return parts


class Router:
    """Keeps routes and answers events with them."""

    def __init__(self) -> None:
        self.routes: list[Route] = []

    @overload
    def on(
        self, method: str, path: str, takes: None = None, **described: Unpack[Described]
    ) -> Callable[[Handle[None]], Handle[None]]: ...
    @overload
    def on(
        self, method: str, path: str, takes: type[Given], **described: Unpack[Described]
    ) -> Callable[[Handle[Given]], Handle[Given]]: ...
    def on(
        self,
        method: str,
        path: str,
        takes: type[Any] | None = None,
        **described: Unpack[Described],
    ) -> Any:
        """Registers the decorated function for a route."""

        def add(answer: Handle[Any]) -> Handle[Any]:
            self.routes.append(Route(method, path, takes, answer, **described))
            return answer

        return add

    def answer(self, event: Event) -> Answer:
        """Answers an event.

        Raises
        ------
        NotFound: no route has its path and method.
        Invalid: the body is not JSON, or the parameters do not fit the route's model.
        """
        method = event["requestContext"]["http"]["method"].upper()
        found = self._find(method, event["rawPath"])
        body = None if found and found[0].ignores_body else _body(event)
        if found is None:
            raise NotFound
        route, parts = found
        given = {**_query(event), **parts} if method == "GET" else _with_parts(body, parts)
        headers = {name.lower(): value for name, value in event["headers"].items()}
        return route.answer(Request(event, headers, _valid(route.takes, given)))

    def answers_from_views(self, method: str, path: str) -> bool:
        """Returns whether the route of a method and a path is declared `of_views`."""
        found = self._find(method, path)
        return found is not None and found[0].of_views

    def _find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """Returns the route of a method and a path, and the path's named parts."""
        for route in self.routes:
            if route.method == method and (parts := route.parts(path)) is not None:
                return route, parts
        return None


def _with_parts(body: Any, parts: dict[str, str]) -> Any:
    """Returns a body's fields together with the path's parts.

    Raises
    ------
    Invalid: the body has a field with the name of a path part.
    """
    if not parts:
        return body
    if body is None:
        return parts
    if not isinstance(body, dict):
        raise Invalid(_FAULTS["model_type"])
    if parts.keys() & body.keys():
        raise Invalid(_FAULTS["extra_forbidden"])
    return {**body, **parts}


def _body(event: Event) -> Any:
    """Returns the body, read as JSON whatever its content type says; None without one. This bounds
    its depth."""
    try:
        return from_json(event["body"]) if event.get("body") else None
    except ValueError:
        raise Invalid("the body is not JSON that can be read") from None


def _query(event: Event) -> dict[str, Any]:
    """Returns the query's values by name; for a repeated name, a list. API Gateway joins repeated
    values with commas, which a single value may contain too."""
    query: dict[str, str] = event.get("queryStringParameters") or {}
    if not any("," in value for value in query.values()):
        return query
    names = [name for name, _ in parse_qsl(event["rawQueryString"], keep_blank_values=True)]
    return {
        name: value.split(",") if "," in value and names.count(name) > 1 else value
        for name, value in query.items()
    }


def _valid(takes: type[BaseModel] | None, given: Any) -> Any:
    """Returns the parameters as a model; no body counts as one without fields. Raises Invalid with
    the name of the first bad field, never its value."""
    if takes is None:
        return None
    try:
        return takes.model_validate({} if given is None else given)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, fault["loc"]))
        raise Invalid(_FAULTS.get(fault["type"]) or f"{where}: {fault['msg']}"[:200]) from None
