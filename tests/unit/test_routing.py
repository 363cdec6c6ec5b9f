"""The HTTP API's router: paths, what they take, and many requests at once."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from domain.errors import Invalid, NotFound
from domain.protocol.fields import RoomId, Wire
from domain.protocol.http import ExchangeRequest, MembersQuery, MessagesQuery, Parameters
from functions.observing import Answer, Event
from functions.routing import Request, Router

WORDS = "xyzzy-plugh"


def event(
    method: str,
    path: str,
    query: dict[str, str] | None = None,
    body: str | None = None,
    raw: str = "",
    headers: dict[str, str] | None = None,
) -> Event:
    return {
        "rawPath": path,
        "rawQueryString": raw,
        "queryStringParameters": query,
        "headers": headers or {},
        "requestContext": {"http": {"method": method, "path": path}},
        "body": body,
    }


def said(request: Request[Any]) -> Answer:
    return {"given": request.given and request.given.model_dump(), "headers": request.headers}


class Mark(Wire):
    """A body whose room stands in the path."""

    room: RoomId
    version: int = 1


@pytest.fixture
def router() -> Router:
    made = Router()
    made.on("GET", "/rooms")(said)
    made.on("DELETE", "/rooms")(lambda request: {"deleted": True})
    made.on("GET", "/rooms/{room}/messages", MessagesQuery)(said)
    made.on("GET", "/rooms/{room}/members", MembersQuery)(said)
    made.on("POST", "/session", ExchangeRequest)(said)
    made.on("POST", "/tickets")(said)
    made.on("POST", "/rooms/{room}/marks", Mark)(said)
    made.on("POST", "/form", ignores_body=True)(said)
    return made


def given(router: Router, *args: Any, **fields: Any) -> Any:
    return router.answer(event(*args, **fields))["given"]


def test_a_method_and_a_path_find_their_function(router: Router) -> None:
    assert given(router, "GET", "/rooms") is None
    assert router.answer(event("DELETE", "/rooms")) == {"deleted": True}
    assert given(router, "get", "/rooms") is None


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "rooms", "/Rooms", "/rooms/", "//rooms", "/rooms//", "/rooms\n", "/rooms ",
        "/rooms%2f", "/rooms?x=1", "/rooms/lobby", "/rooms//messages", "/rooms/a/b/messages",
        "/rooms/lobby/messages/", "/rooms/lobby/messages/4", "/rooms/lobby\n/messages",
        "/rooms/lob\x00by/messages", "/rooms/{room}", "/{room}/messages",
    ],
)  # fmt: skip
def test_an_unknown_path_is_not_found(router: Router, path: str) -> None:
    with pytest.raises(NotFound):
        router.answer(event("GET", path))


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST", "HEAD", "OPTIONS", "TRACE", ""])
def test_an_unknown_method_is_not_found(router: Router, method: str) -> None:
    with pytest.raises(NotFound):
        router.answer(event(method, "/rooms"))


@pytest.mark.parametrize(
    "room", ["LOBBY", "lob%62y", "lobby%0a", "lo%2fbby", "lob by", "..", "a" * 65, "é", "{room}"]
)
def test_a_part_stays_as_it_came_and_is_checked(router: Router, room: str) -> None:
    with pytest.raises(Invalid, match=r"^room: String should match pattern"):
        router.answer(event("GET", f"/rooms/{room}/messages"))


def test_parts_and_query_are_one_model(router: Router) -> None:
    query = {"limit": "7", "before": "9"}
    asked = given(router, "GET", "/rooms/lobby/messages", query)
    assert asked == {"room": "lobby", "before": 9, "limit": 7}
    asked = given(router, "GET", "/rooms/lobby/messages")
    assert asked == {"room": "lobby", "before": None, "limit": 50}


def test_a_query_does_not_stand_for_a_part_and_may_hold_anything_else(router: Router) -> None:
    query = {"room": "den", "Limit": "0", "": "", "x": WORDS}
    assert given(router, "GET", "/rooms/lobby/messages", query)["room"] == "lobby"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"), ("limit", "1001"), ("limit", ""), ("limit", "x"), ("limit", "1,2"),
        ("limit", "1e2"), ("limit", "9" * 5_000), ("before", "0"), ("before", str(2**53)),
        ("before", WORDS),
    ],
)  # fmt: skip
def test_a_parameter_out_of_bounds_is_named_and_not_repeated(
    router: Router, name: str, value: str
) -> None:
    with pytest.raises(Invalid, match=f"^{name}: ") as refused:
        router.answer(event("GET", "/rooms/lobby/messages", {name: value}))
    assert WORDS not in refused.value.message
    assert len(refused.value.message) <= 200


def test_a_repeated_parameter_is_no_text_with_commas(router: Router) -> None:
    # API Gateway sends the same value for both: the query string tells them apart.
    query = {"after": "u_ann,u_bob"}
    one = event("GET", "/rooms/lobby/members", query, raw="after=u_ann%2Cu_bob")
    assert router.answer(one)["given"]["after"] == "u_ann,u_bob"
    with pytest.raises(Invalid, match=r"^after: "):
        router.answer(event("GET", "/rooms/lobby/members", query, raw="after=u_ann&after=u_bob"))


@pytest.mark.parametrize("body", [None, "", "null", "{}", '{"nickname":null}'])
def test_no_body_is_one_without_fields(router: Router, body: str | None) -> None:
    assert given(router, "POST", "/session", body=body) == {"nickname": None}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("[]", "the body is not an object"),
        ('[{"nickname":"Zed"}]', "the body is not an object"),
        ("1", "the body is not an object"),
        (f'{{"{WORDS}":1}}', "there is a field that is not declared"),
        ('{"nickname":1}', "nickname: Input should be a valid string"),
        ('{"nickname":" "}', "nickname: Value error, must not be blank"),
        ('{"nickname":"\\ud800"}', "the body is not JSON that can be read"),
        (f'{{"nickname":{WORDS}}}', "the body is not JSON that can be read"),
        (f'{{"nickname":"{WORDS * 9}"}}', "nickname: String should have at most 32 characters"),
        ("[" * 100_000, "the body is not JSON that can be read"),
    ],
)
def test_a_body_at_fault(router: Router, body: str, message: str) -> None:
    with pytest.raises(Invalid) as refused:
        router.answer(event("POST", "/session", body=body))
    assert refused.value.message == message


def test_a_body_that_is_not_json_is_refused_wherever_it_goes(router: Router) -> None:
    for method, path in (("GET", "/rooms"), ("POST", "/tickets"), ("POST", "/nowhere")):
        with pytest.raises(Invalid):
            router.answer(event(method, path, body=WORDS))
    assert given(router, "POST", "/tickets", body="[1]") is None


@pytest.mark.parametrize(
    ("body", "version"), [(None, 1), ("", 1), ("null", 1), ("{}", 1), ('{"version":4}', 4)]
)
def test_parts_and_body_are_one_model(router: Router, body: str | None, version: int) -> None:
    asked = given(router, "POST", "/rooms/lobby/marks", body=body)
    assert asked == {"room": "lobby", "version": version}


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/rooms/lobby/marks", '{"room":"den"}', "there is a field that is not declared"),
        ("/rooms/lobby/marks", '{"room":"lobby"}', "there is a field that is not declared"),
        ("/rooms/lobby/marks", f'{{"{WORDS}":1}}', "there is a field that is not declared"),
        ("/rooms/lobby/marks", "[1]", "the body is not an object"),
        ("/rooms/lobby/marks", "7", "the body is not an object"),
        ("/rooms/LOBBY/marks", "{}", "room: String should match pattern"),
    ],
)
def test_a_body_does_not_stand_for_a_part(
    router: Router, path: str, body: str, message: str
) -> None:
    with pytest.raises(Invalid) as refused:
        router.answer(event("POST", path, body=body))
    assert refused.value.message.startswith(message)


def test_a_route_that_ignores_its_body_takes_anything(router: Router) -> None:
    assert given(router, "POST", "/form", body="List-Unsubscribe=One-Click") is None
    with pytest.raises(Invalid):
        router.answer(event("GET", "/form", body="List-Unsubscribe=One-Click"))


def test_headers_are_found_however_they_are_written(router: Router) -> None:
    asked = event("GET", "/rooms", headers={"Authorization": "Bearer x"})
    assert router.answer(asked)["headers"] == {"authorization": "Bearer x"}


class Who(Parameters):
    name: str


def test_requests_at_once_do_not_see_each_other() -> None:
    router, met = Router(), threading.Barrier(4, timeout=10)

    @router.on("GET", "/{name}", Who)
    def who(request: Request[Who]) -> Answer:
        met.wait()  # All are inside now.
        return {"body": json.dumps([request.given.name, request.headers["name"]])}

    def ask(name: str) -> bool:
        answer = router.answer(event("GET", f"/{name}", headers={"name": name}))
        return bool(json.loads(answer["body"]) == [name, name])

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(ask, [f"n{n}" for n in range(40)]))
