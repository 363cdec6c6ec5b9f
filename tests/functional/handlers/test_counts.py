"""What handlers tell of faults, which AWS's own metrics do not see: their answers are whole."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest

from domain.chat import Chat
from domain.errors import Internal, Throttled
from functions import bootstrap, deadline
from functions.metrics import InvocationMetrics, MeasuredProgress, printer
from tests.functional.handlers.scene import scene
from tests.functional.handlers.test_payloads import Context, invoke, outside, payload

Counts = dict[str, Any]


@pytest.fixture
def chat() -> Iterator[Chat]:
    services = scene().services
    metrics = InvocationMetrics(printer("Parley/dev", "parley-dev-Function"))
    progress: Any = MeasuredProgress(services.progress, metrics)
    made = Chat(replace(services, metrics=metrics, progress=progress))
    bootstrap.use(made)
    yield made
    bootstrap.use(None)


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[Counts]]:
    """Returns the counts of each metric line since."""

    def read() -> list[Counts]:
        lines = [orjson.loads(line) for line in capsys.readouterr().out.splitlines()]
        metrics = [line for line in lines if "_aws" in line]
        assert all(line["Function"] == "parley-dev-Function" for line in metrics)
        return [
            {name: sum(count) for name, count in line.items() if name not in ("_aws", "Function")}
            for line in metrics
        ]

    return read


Printed = Callable[[], list[Counts]]


def raising(error: BaseException) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def test_what_goes_well_or_is_refused_tells_nothing(chat: Chat, printed: Printed) -> None:
    for file in ("post", "post-not-a-member", "not-json", "sync-events"):
        invoke("socket_message", payload(f"socket_message/{file}.json"))
    for file in ("messages", "messages-private", "not-found", "rooms-no-token"):
        invoke("http_api", payload(f"http_api/{file}.json"))
    invoke("deliver", payload("deliver/one-message.json"))
    assert printed() == []


@pytest.mark.parametrize("error", [RuntimeError(), Internal()])
def test_a_frame_that_is_answered_internal(
    chat: Chat, printed: Printed, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(type(chat.services.executor), "execute", raising(error))
    answer = invoke("socket_message", payload("socket_message/post.json"))
    assert answer == {"statusCode": 200}, "API Gateway is told nothing"
    assert printed() == [{"Internal": 1}]


@pytest.mark.parametrize("error", [RuntimeError(), Internal()])
def test_a_sync_that_is_answered_internal(
    chat: Chat, printed: Printed, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(type(chat.services.log.recorder), "select_events", raising(error))
    monkeypatch.setattr(type(chat.services.views), "marks", raising(error))
    chat.services.log.evict("lobby")
    invoke("socket_message", payload("socket_message/sync-events.json"))
    assert printed() == [{"Internal": 1}]


def test_a_command_whose_outcome_is_internal(
    chat: Chat, printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def execute(_: Any, log_id: str, commands: Any, reply: Any) -> None:
        reply([Internal()])

    monkeypatch.setattr(type(chat.services.executor), "execute", execute)
    invoke("socket_message", payload("socket_message/post.json"))
    assert printed() == [{"Internal": 1}]


@pytest.mark.parametrize("error", [RuntimeError(), Internal()])
def test_a_request_that_is_answered_internal(
    chat: Chat, printed: Printed, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(type(chat.reading), "messages", raising(error))
    for _ in range(2):
        assert invoke("http_api", payload("http_api/messages.json"))["statusCode"] == 500
    assert printed() == [{"Internal": 1}] * 2, "one line an invocation"


def test_records_that_are_handed_back_by_a_queues_reader(
    chat: Chat, printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(chat.services.connections), "in_room", raising(Throttled()))
    event = payload("deliver/several-in-one-frame.json")
    failed = invoke("deliver", event)["batchItemFailures"]
    assert len(failed) == len(event["Records"])
    assert printed() == [{"Retried": len(failed)}]


def test_records_that_are_parked(chat: Chat, printed: Printed) -> None:
    invoke("deliver", payload("deliver/poisoned.json"))
    parked = len(chat.services.progress.parked())
    assert printed() == [{"Parked": parked}]


@pytest.mark.parametrize(("function", "file"), [
    ("notify_users", "unreadable"), ("settle_presence", "unreadable"),
])  # fmt: skip
def test_records_that_are_handed_back_one_by_one(
    chat: Chat, printed: Printed, function: str, file: str
) -> None:
    failed = invoke(function, payload(f"{function}/{file}.json"))["batchItemFailures"]
    assert failed
    assert printed() == [{"Retried": len(failed)}]


@pytest.mark.parametrize("function", ["relay_events", "archive_events"])
def test_a_streams_records_from_the_first_failure_on(
    chat: Chat, printed: Printed, function: str
) -> None:
    event = payload(f"{function}/three-streams.json")
    records = [record["dynamodb"] for record in event["Records"]]
    image = records[1]["NewImage"]
    outside(chat).refused = (f"{image['log']['S']}:{image['version']['N']}",)
    (failure,) = invoke(function, event)["batchItemFailures"]
    numbers = [record["SequenceNumber"] for record in records]
    first = numbers.index(failure["itemIdentifier"])
    assert printed() == [{"Retried": len(numbers) - first}]


def test_counts_are_told_where_the_handler_itself_fails(
    chat: Chat, printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(chat.services.executor), "execute", raising(RuntimeError()))
    monkeypatch.setattr(type(chat.services.gateway), "post", raising(PermissionError()))
    with pytest.raises(PermissionError):
        invoke("socket_message", payload("socket_message/post.json"))
    assert printed() == [{"Internal": 1}]


def test_posts_know_the_time_that_their_invocation_has_left(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[float] = []

    def post(*_: Any) -> list[str]:
        found.append(deadline.left())
        return []

    monkeypatch.setattr(type(chat.services.gateway), "post", post)
    invoke("socket_message", payload("socket_message/ping.json"))
    assert found == [Context.get_remaining_time_in_millis() / 1_000 - deadline.SPARE]
