"""The correlation id: a command's id in the records of every function, from frame to push."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from domain.chat import Chat
from domain.errors import Throttled
from domain.log import envelope
from functions import bootstrap, correlation
from functions.metrics import InvocationMetrics, MeasuredProgress
from functions.observing import logger
from local.payloads import sqs_event
from tests.functional.handlers.scene import scene
from tests.functional.handlers.test_payloads import invoke, outside, payload

Logged = Callable[[], list[dict[str, Any]]]

COMMAND = "0b9c1a7e-command"


@pytest.fixture
def chat() -> Iterator[Chat]:
    services = scene().services
    metrics = InvocationMetrics(lambda counts: None)
    progress: Any = MeasuredProgress(services.progress, metrics)
    made = Chat(replace(services, metrics=metrics, progress=progress))
    bootstrap.use(made)
    yield made
    bootstrap.use(None)


@pytest.fixture(autouse=True)
def on_lambda(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(correlation, "ON_LAMBDA", True)
    yield
    correlation.log_every_step(False)
    correlation.begin([])


@pytest.fixture
def logged(logs: Callable[[], str]) -> Logged:
    """Returns the records that were logged since."""
    seen = 0

    def read() -> list[dict[str, Any]]:
        nonlocal seen
        lines = logs().splitlines()[seen:]
        seen += len(lines)
        return [json.loads(line) for line in lines]

    return read


def send(command: object, **fields: Any) -> None:
    event = payload("socket_message/post.json")
    frame = {"action": "post", "room": "lobby", "text": "xyzzy", "id": command, **fields}
    event["body"] = json.dumps(frame)
    invoke("socket_message", event)


def image(chat: Chat) -> dict[str, Any]:
    """Returns the newest event of the lobby as the events table's stream has it."""
    stored = newest(chat)
    event = payload("relay_events/three-streams.json")
    record = event["Records"][0]
    record["dynamodb"]["NewImage"] = {
        "log": {"S": "lobby"},
        "version": {"N": str(stored.originator_version)},
        "topic": {"S": stored.topic},
        "state": {"S": stored.state.decode()},
    }
    return {"Records": [record]}


def newest(chat: Chat) -> Any:
    return list(chat.services.log.recorder.select_events("lobby"))[-1]


def queued(chat: Chat, name: str, *bodies: bytes) -> dict[str, Any]:
    return sqs_event(name, [(n, body, 1) for n, body in enumerate(bodies)])


def test_one_query_finds_a_commands_whole_way(chat: Chat, logged: Logged) -> None:
    correlation.log_every_step(True)
    send(COMMAND)
    body = envelope(newest(chat))
    invoke("relay_events", image(chat))
    invoke("archive_events", image(chat))
    for function in ("project_views", "deliver", "track_memberships"):
        invoke(function, queued(chat, function, body))
    invoke("notify_users", {"Records": [{"messageId": "m", "body": body.decode()}]})
    found = [one for one in logged() if one.get("correlation_id") == COMMAND]
    assert [(one["message"], one.get("consumer"), one.get("stream")) for one in found] == [
        ("frame received", None, None),
        ("event taken from the stream", None, "lobby"),
        ("event taken from the stream", None, "lobby"),
        ("event consumed", "project_views", "lobby"),
        ("event consumed", "deliver", "lobby"),
        ("event consumed", "track_memberships", "lobby"),
        ("event consumed", None, "lobby"),
    ]
    assert "xyzzy" not in json.dumps(found)


def test_only_faults_are_logged_unless_every_step_is_asked_for(
    chat: Chat, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(COMMAND)
    body = envelope(newest(chat))
    invoke("relay_events", image(chat))
    invoke("deliver", queued(chat, "deliver", body))
    assert logged() == []
    outside(chat).refused = (f"lobby:{newest(chat).originator_version}",)
    invoke("relay_events", image(chat))
    assert [(one["message"], one["correlation_id"]) for one in logged()] == [
        ("event not published", COMMAND),
        ("the stream will be read again", COMMAND),
    ]

    def throttled(*_: Any) -> Any:
        raise Throttled

    monkeypatch.setattr(type(chat.services.connections), "in_room", throttled)
    send(COMMAND + "2")
    invoke("deliver", queued(chat, "deliver", body, envelope(newest(chat))))
    found = [(one["message"], one["consumer"], one["correlation_id"]) for one in logged()]
    assert found == [
        ("record will be retried", "deliver", COMMAND),
        ("record will be retried", "deliver", COMMAND + "2"),
    ]


def test_a_parked_event_names_its_command(chat: Chat, logged: Logged) -> None:
    event = payload("deliver/poisoned.json")
    invoke("deliver", event)
    bodies = [json.loads(record["body"]) for record in event["Records"]]
    commands = {(one["stream"], one["version"]): one["state"].get("id") for one in bodies}
    parked = [one for one in logged() if one["message"] == "event parked"]
    assert parked
    for one in parked:
        assert one["consumer"] == "deliver"
        assert one.get("correlation_id") == commands[one["stream"], one["version"]]


def test_an_adapters_record_names_the_command_of_the_frame(chat: Chat, logged: Logged) -> None:
    send(COMMAND)
    logger.warning("as an adapter would")
    send("\n")
    logger.warning("as an adapter would")
    assert [one.get("correlation_id") for one in logged()] == [COMMAND, None]


@pytest.mark.parametrize(
    "command",
    [
        '"},{"level":"ERROR","message":"forged"}',
        "\\n{}",
        '\\"',
        '{"_aws":{}}',
        "%(asctime)s%s",
        "<script>",
        "!" * 64,
    ],
)
def test_an_id_cannot_forge_a_record(chat: Chat, logged: Logged, command: str) -> None:
    correlation.log_every_step(True)
    command = command[:64]
    send(command)
    invoke("deliver", queued(chat, "deliver", envelope(newest(chat))))
    received, consumed = logged()
    for one in (received, consumed):
        assert (one["correlation_id"], one["level"]) == (command, "INFO")
        assert "_aws" not in one
        assert one["message"] in ("frame received", "event consumed")


@pytest.mark.parametrize(
    "command", ["x" * 65, "two words", "line\nbreak", "\u2028", "é", "", 7, None, {"a": 1}, ["x"]]
)
def test_what_is_no_commands_id_is_not_logged(chat: Chat, logged: Logged, command: object) -> None:
    correlation.log_every_step(True)
    send(command)
    assert logged() == []


def test_the_local_engine_names_commands_record_by_record(
    chat: Chat, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(correlation, "ON_LAMBDA", False)

    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("xyzzy")

    monkeypatch.setattr(type(chat.services.executor), "execute", broken)
    send(COMMAND)
    logger.warning("about something else, meanwhile")
    failed, other = logged()
    assert (failed["error"], failed["correlation_id"]) == ("RuntimeError", COMMAND)
    assert "correlation_id" not in other
