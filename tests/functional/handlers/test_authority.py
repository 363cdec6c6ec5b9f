"""Who a caller is: by the authorizer's word, or the token's; nobody else's."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from domain.chat import Chat
from domain.ports.accounts import Session
from functions import bootstrap
from tests.functional.handlers.scene import configured, scene
from tests.functional.handlers.test_payloads import invoke, payload

ORIGIN = "https://chat.example.org"


@pytest.fixture
def chat() -> Iterator[Chat]:
    made = scene()
    bootstrap.use(made)
    yield made
    bootstrap.use(None)


def effect(event: dict[str, Any]) -> str:
    answer: str = invoke("authorize", event)["policyDocument"]["Statement"][0]["Effect"]
    return answer


def test_a_foreign_page_does_not_use_up_a_ticket(chat: Chat) -> None:
    bootstrap.use(configured(chat, origins=[ORIGIN]))
    assert effect(payload("authorize/wrong-origin.json")) == "Deny"
    assert effect(payload("authorize/allowed-origin.json")) == "Allow"


@pytest.mark.parametrize("name", ["Origin", "origin", "ORIGIN"])
def test_an_origin_is_found_however_its_header_is_written(chat: Chat, name: str) -> None:
    bootstrap.use(configured(chat, origins=[ORIGIN]))
    event = payload("authorize/no-origin.json")
    event["headers"][name] = "https://evil.example.net"
    assert effect(event) == "Deny"
    event["headers"][name] = ORIGIN
    assert effect(event) == "Allow"


@pytest.mark.parametrize(
    "origin", ["null", "", ORIGIN + ".evil.net", ORIGIN.upper(), "http://chat.example.org"]
)
def test_an_origin_is_one_of_the_list_exactly(chat: Chat, origin: str) -> None:
    bootstrap.use(configured(chat, origins=[ORIGIN]))
    event = payload("authorize/allowed-origin.json")
    event["headers"]["Origin"] = origin
    assert effect(event) == "Deny"


def test_an_event_without_headers_or_query_is_refused(chat: Chat) -> None:
    event = payload("authorize/allowed.json")
    for field in ("headers", "queryStringParameters"):
        event[field] = None
    assert effect(event) == "Deny"
    event = payload("authorize/http-allowed.json")
    del event["headers"]
    assert invoke("authorize", event) == {"isAuthorized": False}


def test_what_the_authorizer_said_is_not_read_again(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> Session:
        raise AssertionError("sessions are read")

    said = invoke("authorize", payload("authorize/http-allowed.json"))["context"]
    monkeypatch.setattr(type(chat.services.accounts), "session", read)
    for call, status in (("who", 200), ("rooms", 200), ("ticket", 201), ("messages", 200)):
        event = payload(f"http_api/{call}.json")
        event["requestContext"]["authorizer"] = {"lambda": said}
        assert invoke("http_api", event)["statusCode"] == status, call


@pytest.mark.parametrize(
    "authorizer", [None, {}, {"lambda": None}, {"lambda": {"user": "u_ann"}}, {"user": "u_ann"}]
)
def test_half_a_word_of_the_authorizer_is_none(chat: Chat, authorizer: Any) -> None:
    event = payload("http_api/who-no-token.json")
    event["requestContext"]["authorizer"] = authorizer
    assert invoke("http_api", event)["statusCode"] == 401


def test_a_ticket_of_the_authorizers_session_opens_a_socket_of_it(chat: Chat) -> None:
    made = json.loads(invoke("http_api", payload("http_api/ticket-authorized.json"))["body"])
    event = payload("authorize/allowed.json")
    event["queryStringParameters"] = {"ticket": made["ticket"]}
    known = payload("http_api/ticket-authorized.json")["requestContext"]["authorizer"]["lambda"]
    assert invoke("authorize", event)["context"] == known


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({}, "wss://chat.example.org/ws"),
        ({"socket_url": "wss://abc.example.com/live"}, "wss://abc.example.com/live"),
    ],
)
def test_a_ticket_names_the_address_that_takes_it(
    chat: Chat, settings: dict[str, str], address: str
) -> None:
    bootstrap.use(configured(chat, **settings))
    made = json.loads(invoke("http_api", payload("http_api/ticket.json"))["body"])
    assert made["url"] == f"{address}?ticket={made['ticket']}"


class Heard:
    """A limiter that notes whom it is asked about."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def allow(self, user: str) -> bool:
        self.asked.append(user)
        return True


@pytest.mark.parametrize(
    ("secret", "address"), [("origin-secret", "192.0.2.1"), ("", "198.51.100.7")]
)
def test_a_viewers_address_is_believed_of_cloudfront_alone(
    chat: Chat, secret: str, address: str
) -> None:
    limiter = Heard()
    bootstrap.use(configured(chat, origin_secret=secret, limiter=limiter))
    event = payload("http_api/through-cloudfront.json")
    assert invoke("http_api", event)["statusCode"] == 201
    assert limiter.asked == [f"from:{address}"]
    del event["headers"]["x-viewer-address"]
    invoke("http_api", event)
    assert limiter.asked[1] == "from:198.51.100.7"


@pytest.mark.parametrize("shown", ["", "origin-secre", "origin-secret ", "\ud800", "ORIGIN-SECRET"])
def test_nobody_goes_round_cloudfront(chat: Chat, shown: str) -> None:
    limiter = Heard()
    bootstrap.use(configured(chat, origin_secret="origin-secret", limiter=limiter))
    for call in ("through-cloudfront", "cognito", "who", "leave", "rooms", "openapi", "not-found"):
        event = payload(f"http_api/{call}.json")
        event["headers"]["x-origin-secret"] = shown
        answer = invoke("http_api", event)
        assert answer["statusCode"] == 403, call
        # The web app takes no more than API Gateway's own word for the end of a session.
        assert json.loads(answer["body"])["error"]["code"] == "forbidden"
    assert limiter.asked == []


@pytest.mark.parametrize("shown", [None, "", "origin-secre", "guessed"])
def test_what_went_round_cloudfront_costs_no_look_at_its_token(
    chat: Chat, shown: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    bootstrap.use(configured(chat, origin_secret="origin-secret"))
    asked: list[Any] = []
    monkeypatch.setattr(type(chat.services.accounts), "session", lambda *_: asked.append(_))
    event = payload("authorize/http-through-cloudfront.json")
    event["headers"]["x-origin-secret"] = shown
    if shown is None:
        del event["headers"]["x-origin-secret"]
    assert invoke("authorize", event) == {"isAuthorized": False}
    assert asked == []
    invoke("authorize", payload("authorize/http-through-cloudfront.json"))
    assert asked


def test_a_subject_is_one_person_however_often_they_sign_in(chat: Chat) -> None:
    event = payload("http_api/cognito.json")
    first, second = (json.loads(invoke("http_api", event)["body"]) for _ in range(2))
    assert first["user"] == second["user"]
    assert first["token"] != second["token"]


def test_no_answer_lets_another_origins_page_read_it(chat: Chat) -> None:
    """One origin serves web app and API, so there is nothing that CORS would be needed for."""
    for file in ("rooms", "enter", "cognito", "who-no-token"):
        event = payload(f"http_api/{file}.json")
        event["headers"]["origin"] = "https://evil.example.net"
        names = {name.lower() for name in invoke("http_api", event)["headers"]}
        assert not any(name.startswith("access-control-") for name in names)
