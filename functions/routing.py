"""Routes of API Gateway HTTP API events (payload 2.0) to functions.

A request is an argument of what answers it and nothing is kept between two, so threads may
answer any number at once (docs/adr/0014).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from domain.errors import Invalid, NotFound
from functions.observing import Answer, Event

Given = TypeVar("Given")

_PART = re.compile(r"[\w\-.~()'!*:@,;=+&$%<> \[\]{}|^]+")
"""What may stand for a named part: a URL's characters, and some that come escaped in one."""

_FAULTS = {
    # pydantic names the key, which is the client's own, and the model, which is ours.
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
    given: what the route takes, valid; None where it takes nothing.
    """

    event: Event
    headers: Mapping[str, str]
    given: Given


Handle = Callable[[Request[Given]], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """
    Attributes
    ----------
    path: named parts stand in braces, as in OpenAPI.
    takes: model of the path's parts and the query string (GET) or of the body.
    """

    method: str
    path: str
    takes: type[Any] | None
    answer: Handle[Any]

    def parts(self, path: str) -> dict[str, str] | None:
        """Returns the named parts of a path; None where it is not this route's."""
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
    def __init__(self) -> None:
        self.routes: list[Route] = []
        self.forms: set[tuple[str, str]] = set()
        """Method and path of routes whose body is no JSON and is not looked at."""

    @overload
    def on(self, method: str, path: str) -> Callable[[Handle[None]], Handle[None]]: ...
    @overload
    def on(
        self, method: str, path: str, takes: type[Given]
    ) -> Callable[[Handle[Given]], Handle[Given]]: ...
    def on(self, method: str, path: str, takes: type[Any] | None = None) -> Any:
        """Decorates a function with the route that it answers."""

        def add(answer: Handle[Any]) -> Handle[Any]:
            self.routes.append(Route(method, path, takes, answer))
            return answer

        return add

    def _is_one_click(self, method: str, event: Event) -> bool:
        """Returns whether a mail program sends its form (RFC 8058), which says nothing more than
        the address does."""
        return (method, event["rawPath"]) in self.forms

    def answer(self, event: Event) -> Answer:
        """Answers an event.

        Raises
        ------
        NotFound: no route has its path and method.
        Invalid: the body is not JSON, or what it gives is not what the route takes.
        """
        method = event["requestContext"]["http"]["method"].upper()
        body = None if self._is_one_click(method, event) else _body(event)
        for route in self.routes:
            if route.method == method and (parts := route.parts(event["rawPath"])) is not None:
                given = {**_query(event), **parts} if method == "GET" else body
                headers = {name.lower(): value for name, value in event["headers"].items()}
                return route.answer(Request(event, headers, _valid(route.takes, given)))
        raise NotFound


def _body(event: Event) -> Any:
    """Returns the body, which is JSON whatever it calls itself; None without one. Its depth is
    bounded here."""
    try:
        return from_json(event["body"]) if event.get("body") else None
    except ValueError:
        raise Invalid("the body is not JSON that can be read") from None


def _query(event: Event) -> dict[str, Any]:
    """Returns the query's values by name, a list of those of a name that is repeated: API Gateway
    puts commas between them, which one value may have as well."""
    query: dict[str, str] = event.get("queryStringParameters") or {}
    if not any("," in value for value in query.values()):
        return query
    names = [name for name, _ in parse_qsl(event["rawQueryString"], keep_blank_values=True)]
    return {
        name: value.split(",") if "," in value and names.count(name) > 1 else value
        for name, value in query.items()
    }


def _valid(takes: type[BaseModel] | None, given: Any) -> Any:
    """Returns what is given as a model; no body is one without fields. Raises Invalid, naming
    the first field at fault, never its value."""
    if takes is None:
        return None
    try:
        return takes.model_validate({} if given is None else given)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, fault["loc"]))
        raise Invalid(_FAULTS.get(fault["type"]) or f"{where}: {fault['msg']}"[:200]) from None
