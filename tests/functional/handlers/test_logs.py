"""Logs hold no texts, names, tokens or tickets, whatever goes wrong."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from domain.chat import Chat
from functions import bootstrap, socket_message
from functions.observing import logger
from tests.functional.handlers.scene import configured, scene
from tests.functional.handlers.test_payloads import FILES, Context, invoke, outside, payload

PLANTED = "planted-words"
TOKEN = "token-ann"
TICKET = "ticket-ann"


@pytest.fixture
def chat() -> Iterator[Chat]:
    made = scene()
    bootstrap.use(made)
    yield made
    bootstrap.use(None)


def silent(text: str) -> None:
    for secret in (PLANTED, TOKEN, TICKET):
        assert secret not in text


def message(**frame: Any) -> dict[str, Any]:
    event = payload("socket_message/post.json")
    event["body"] = json.dumps(frame)
    return event


FRAMES: tuple[dict[str, Any], ...] = (
    {"action": "post", "id": "1", "room": "lobby", "text": PLANTED},
    {"action": "post", "id": "2", "room": "nowhere", "text": PLANTED},
    {"action": "post", "id": "3", "room": "lobby", "text": PLANTED + "\x00"},
    {"action": "post", "id": "4", "room": "lobby", "text": PLANTED * 1_000},
    {"action": "post", "id": "5", "room": PLANTED + "!", "text": PLANTED},
    {"action": "create_room", "id": "6", "room": "garden", "name": PLANTED, "kind": "public"},
    {"action": "sync", "id": "7", "rooms": {PLANTED + "\n": 1}},
    {"action": PLANTED, "id": PLANTED, PLANTED: PLANTED},
)


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame["id"])
def test_frames_are_not_logged(chat: Chat, logs: Callable[[], str], frame: dict[str, Any]) -> None:
    assert invoke("socket_message", message(**frame)) == {"statusCode": 200}
    silent(logs())


def broken(*_: Any, **__: Any) -> Any:
    raise RuntimeError(f"{PLANTED} {TOKEN} {TICKET}")


def test_an_unexpected_error_is_logged_by_type_and_place(
    chat: Chat, logs: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(chat.services.executor), "execute", broken)
    frame = {"action": "post", "id": "1", "room": "lobby", "text": PLANTED}
    assert invoke("socket_message", message(**frame)) == {"statusCode": 200}
    sent = chat.services.gateway.frames["ann"]  # type: ignore[attr-defined]
    assert json.loads(sent[-1])["code"] == "internal"
    assert PLANTED not in sent[-1].decode()
    told = logs()
    silent(told)
    assert "RuntimeError" in told
    assert "test_logs.py" in told
    assert json.loads(told.strip().splitlines()[-1])["level"] == "ERROR"


def test_an_unexpected_error_over_http_is_answered_internal_and_told_nothing_of(
    chat: Chat, logs: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(chat.reading), "messages", broken)
    answer = invoke("http_api", payload("http_api/messages.json"))
    assert answer["statusCode"] == 500
    assert json.loads(answer["body"]) == {
        "error": {"code": "internal", "message": "something went wrong on our side"}
    }
    told = logs()
    silent(told + answer["body"])
    assert "RuntimeError" in told


@pytest.mark.parametrize("body", [
    json.dumps({"nickname": PLANTED}), json.dumps({"nickname": PLANTED + "\n"}),
    json.dumps({PLANTED: PLANTED}), json.dumps(PLANTED), PLANTED, json.dumps([PLANTED]),
])  # fmt: skip
def test_nicknames_are_not_logged(chat: Chat, logs: Callable[[], str], body: str) -> None:
    event = payload("http_api/enter.json")
    event["body"] = body
    event["headers"]["authorization"] = f"Bearer {TOKEN}"
    assert invoke("http_api", event)["statusCode"] in (201, 422)
    silent(logs())


def test_queue_records_are_not_logged(chat: Chat, logs: Callable[[], str]) -> None:
    for function in ("deliver", "project_views", "track_memberships"):
        event = payload("project_views/poisoned-state.json")
        for record in event["Records"]:
            record["body"] = record["body"].replace("hello", PLANTED)
        event["Records"][0]["body"] = PLANTED
        event["Records"][1]["body"] = json.dumps({"stream": PLANTED, "version": 10**6})
        invoke(function, event)
    silent(logs())


@pytest.mark.parametrize("function", ["relay_events", "archive_events"])
def test_stream_records_are_not_logged(chat: Chat, logs: Callable[[], str], function: str) -> None:
    event = payload(f"{function}/not-taken.json")
    outside(chat).refused = ("lobby:4",)
    for record in event["Records"]:
        image = record["dynamodb"]["NewImage"]
        image["state"]["S"] = json.dumps({"text": PLANTED})
    del event["Records"][1]["dynamodb"]["NewImage"]["topic"]
    assert len(invoke(function, event)["batchItemFailures"]) == 1
    told = logs()
    silent(told)
    assert "unreadable stream record" in told


@pytest.mark.parametrize("problem", [broken, None])
def test_notices_are_not_logged(
    chat: Chat, logs: Callable[[], str], monkeypatch: pytest.MonkeyPatch, problem: Any
) -> None:
    event = payload("notify_users/away.json")
    if problem is None:
        event["Records"][0]["body"] = PLANTED
    else:
        monkeypatch.setattr(type(outside(chat)), "notify", problem)
    assert len(invoke("notify_users", event)["batchItemFailures"]) == 1
    told = logs()
    silent(told)
    assert "unexpected error" in told


def test_the_origins_secret_is_not_logged(chat: Chat, logs: Callable[[], str]) -> None:
    made = configured(chat, origin_secret=PLANTED)
    bootstrap.use(made)
    event = payload("http_api/through-cloudfront.json")
    assert invoke("http_api", event)["statusCode"] == 403
    event["headers"]["x-origin-secret"] = PLANTED
    answer = invoke("http_api", event)
    assert answer["statusCode"] == 201
    silent(logs() + json.dumps(answer) + repr(made.services))


@pytest.mark.parametrize("file", FILES)
def test_no_payload_is_logged(chat: Chat, logs: Callable[[], str], file: str) -> None:
    function, _ = file.split("/")
    invoke(function, payload(file))
    told = logs()
    silent(told)
    for text in ("hello", "where were we", "a secret", "hi Ann", "Bearer"):
        assert text not in told


class Invocation(Context):
    def __init__(self, id: str) -> None:
        self.aws_request_id = id


def failing(invocation: Any) -> None:
    socket_message.handler(message(action="post", id="1", room="lobby", text="x"), invocation)


def test_lines_name_their_invocation_whichever_came_before(
    chat: Chat, logs: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(chat.services.executor), "execute", broken)
    one, two, three = (Invocation(id) for id in ("one", "two", "three"))
    order = [one, two, two, two, one, two, one, one, one, three]
    for invocation in order:
        failing(invocation)
    lines = [json.loads(line) for line in logs().splitlines()]
    assert [line["function_request_id"] for line in lines] == [o.aws_request_id for o in order]
    assert not any(line["cold_start"] for line in lines[1:])


def test_a_context_that_serves_all_invocations_is_not_named_for_each(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = 0
    append_keys = logger.append_keys

    def count(**keys: Any) -> None:
        nonlocal named
        named += 1
        append_keys(**keys)

    monkeypatch.setattr(logger, "append_keys", count)
    same = Invocation("same")
    for _ in range(10):
        failing(same)
    assert named == 2
