"""Every payload of events/ through its real handler, over memory.

A file there is exactly what AWS hands to the function (`sam local invoke FUNCTION -e FILE`);
`expected.json` says what comes back and what is sent, and by `services` how the deployment is set
up where that matters, and by `refused` what is not taken outside (tests/support/outbound.py).
"""

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from adapters.memory.gateway import RecordingGateway
from domain.chat import Chat
from functions import bootstrap
from tests.functional.handlers.scene import configured, matches, scene
from tests.support.chat import shown
from tests.support.outbound import Outside

EVENTS = Path(__file__).parents[3] / "events"
EXPECTED: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "expected.json").read_text()
)
FILES = sorted(str(path.relative_to(EVENTS)) for path in EVENTS.glob("*/*.json"))
CONSUMERS = ("deliver", "project_views", "track_memberships")
FUNCTIONS = (*CONSUMERS, "archive_events", "authorize", "http_api", "notify_users", "relay_events",
             "settle_presence", "socket_connect", "socket_disconnect", "socket_message",
             "sweep")  # fmt: skip


class Context:
    function_name = "test"
    memory_limit_in_mb = 128
    invoked_function_arn = "arn:aws:lambda:eu-central-1:000000000000:function:test"
    aws_request_id = "00000000-0000-4000-8000-000000000000"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 30_000


def invoke(function: str, event: dict[str, Any]) -> dict[str, Any]:
    handler = importlib.import_module(f"functions.{function}").handler
    answer: dict[str, Any] = handler(event, Context())
    json.dumps(answer)  # as Lambda does
    return answer


def payload(file: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / file).read_text())
    return event


@pytest.fixture
def uninstalled() -> Iterator[None]:
    yield
    bootstrap.use(None)


def outside(chat: Chat) -> Outside:
    (found,) = chat.services.notifiers
    assert isinstance(found, Outside)
    return found


def seen(chat: Chat, answer: dict[str, Any]) -> dict[str, Any]:
    """Returns what an expectation may speak of."""
    if answer.get("body"):
        answer = {**answer, "body": orjson.loads(answer["body"])}
    gateway = chat.services.gateway
    assert isinstance(gateway, RecordingGateway)
    views = chat.services.views
    return {
        "answer": answer,
        "frames": {name: [shown(frame) for frame in sent] for name, sent in gateway.frames.items()},
        "closed": [list(one) for one in gateway.closed],
        "parked": [[one.stream, one.version] for one in chat.services.progress.parked()],
        "connections": {
            name: list(chat.services.connections.of_user(f"u_{name}")) for name in ("ann", "bob")
        },
        "in_lobby": sorted(chat.services.connections.in_room("lobby")),
        "views": {
            room: (views.header(room) or {}).get("version")
            for room in ("lobby", "den-222222222222")
        },
        "published": outside(chat).published,
        "archived": outside(chat).archived,
        "notices": outside(chat).notices,
        "heads": {log: chat.services.log.head(log) for log in ("lobby", "u_bob", "u_cy")},
    }


@pytest.mark.parametrize("file", FILES)
@pytest.mark.usefixtures("uninstalled")
def test_payload(file: str) -> None:
    function = file.split("/", maxsplit=1)[0]
    expected = dict(EXPECTED[file])
    chat = scene(projected=function not in CONSUMERS)
    chat = configured(chat, **expected.pop("services", {}))
    outside(chat).refused = expected.pop("refused", ())
    bootstrap.use(chat)
    found = seen(chat, invoke(function, payload(file)))
    for name, pattern in expected.items():
        if name == "frames":
            assert set(found[name]) == set(pattern), "who is sent something"
        assert matches(found[name], pattern), f"{name}: {found[name]}"


def test_every_function_has_payloads_and_every_file_is_expected() -> None:
    assert {file.split("/")[0] for file in FILES} == set(FUNCTIONS)
    assert set(FILES) == set(EXPECTED)
    assert all("answer" in expected for expected in EXPECTED.values())


def test_every_handler_is_tried() -> None:
    modules = (path.stem for path in (EVENTS.parent / "functions").glob("*.py"))
    handlers = {
        name
        for name in modules
        if name != "__init__" and hasattr(importlib.import_module(f"functions.{name}"), "handler")
    }
    assert handlers == set(FUNCTIONS)


@pytest.mark.usefixtures("uninstalled")
def test_a_ticket_is_good_once() -> None:
    bootstrap.use(scene())
    event = payload("authorize/allowed.json")
    effects = [
        invoke("authorize", event)["policyDocument"]["Statement"][0]["Effect"] for _ in range(2)
    ]
    assert effects == ["Allow", "Deny"]


def test_a_handler_without_a_runtime_says_so() -> None:
    with pytest.raises(bootstrap.NotConfigured):
        invoke("socket_connect", payload("socket_connect/connected.json"))
