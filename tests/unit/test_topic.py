"""Publishing to the FIFO topic: order, ids, attributes, what fails.

Over 300 lines: one publisher against a topic that fails as it is told.
"""

import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from eventsourcing.persistence import StoredEvent

from adapters.messaging.topic import ATTEMPTS, BATCH_BYTES, Announcer, Publisher, Relay
from domain.consuming import Consuming, Poison
from domain.log import envelope
from tests.support.dynamodb import fake_credentials

POSTED = "room.message-posted"


def event(stream: str, version: int, **state: Any) -> StoredEvent:
    return StoredEvent(stream, version, POSTED, orjson.dumps(state))


class Scripted:
    """A topic that answers as it is told, call by call: a set of `stream:version` that fail, an
    exception, or None; then it takes all."""

    def __init__(self, *script: Any, sender_fault: bool = False, code: str = "Throttled") -> None:
        self.script = list(script)
        self.refusal = {"SenderFault": sender_fault, "Code": code}
        self.calls: list[list[str]] = []
        self.requests: list[dict[str, Any]] = []
        self.taken: list[str] = []

    def publish_batch(
        self,
        TopicArn: str,  # noqa: N803
        PublishBatchRequestEntries: list[dict[str, Any]],  # noqa: N803
    ) -> dict[str, Any]:
        ids = {one["Id"]: one["MessageDeduplicationId"] for one in PublishBatchRequestEntries}
        self.requests += PublishBatchRequestEntries
        self.calls.append(list(ids.values()))
        failing = self.script.pop(0) if self.script else None
        if isinstance(failing, Exception):
            raise failing
        failing = failing or set()
        self.taken += [name for name in ids.values() if name not in failing]
        return {
            "Successful": [{"Id": id} for id, name in ids.items() if name not in failing],
            "Failed": [{"Id": id, **self.refusal} for id, name in ids.items() if name in failing],
        }


def refused(code: str, status: int) -> ClientError:
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "PublishBatch")


def publish(topic: Scripted, *events: StoredEvent, **more: Any) -> dict[int, str]:
    pauses: list[float] = []
    return Publisher(topic, "arn", pause=pauses.append, **more).publish(events)


def many(stream: str, count: int) -> list[StoredEvent]:
    return [event(stream, version) for version in range(1, count + 1)]


def test_an_entry_is_the_envelope_with_its_stream_as_group_and_its_place_as_deduplication() -> None:
    topic = Scripted()
    one = event("lobby", 4, notify=[])
    assert publish(topic, one) == {}
    (sent,) = topic.requests
    assert sent["Message"].encode() == envelope(one)
    assert sent["MessageGroupId"] == "lobby"
    assert sent["MessageDeduplicationId"] == "lobby:4"
    assert sent["MessageAttributes"] == {"topic": {"DataType": "String", "StringValue": POSTED}}


def test_only_what_names_people_has_the_notify_attribute() -> None:
    topic = Scripted()
    publish(topic, event("lobby", 4, notify=["u_bob"]))
    assert topic.requests[0]["MessageAttributes"]["notify"]["StringValue"] == "1"


def test_a_broken_state_goes_on_as_null_so_that_consumers_park_its_place() -> None:
    topic = Scripted()
    publish(topic, StoredEvent("lobby", 4, POSTED, b"{broken"))
    body = json.loads(topic.requests[0]["Message"])
    assert body == {"stream": "lobby", "version": 4, "topic": POSTED, "state": None}
    assert isinstance(Consuming._event(body, 4), Poison)


def test_batches_have_ten_entries_at_the_most() -> None:
    topic = Scripted()
    publish(topic, *many("lobby", 23))
    assert [len(call) for call in topic.calls] == [10, 10, 3]
    assert topic.taken == [f"lobby:{version}" for version in range(1, 24)]


def test_batches_stay_under_the_limit_of_bytes() -> None:
    topic = Scripted()
    big = [event("lobby", version, text="x" * 100_000) for version in range(1, 6)]
    publish(topic, *big)
    assert [len(call) for call in topic.calls] == [2, 2, 1]
    publish(topic, event("lobby", 6, text="x" * BATCH_BYTES), event("den", 1))
    assert [len(call) for call in topic.calls[3:]] == [1, 1]


def test_what_failed_is_tried_again_before_the_rest_of_its_stream() -> None:
    topic = Scripted({"lobby:9"}, {"lobby:9"})
    events = [*many("lobby", 12), *many("den", 3)]
    assert publish(topic, *events) == {}
    # lobby:10 went in the same call and has overtaken it; 11 and 12 wait.
    assert topic.calls[1] == ["lobby:9", "den:1", "den:2", "den:3"]
    assert topic.calls[2:] == [["lobby:9"], ["lobby:11", "lobby:12"]]


def test_a_stream_that_goes_on_failing_is_given_up_from_there_and_others_go_on() -> None:
    topic = Scripted(*[{"lobby:2", "lobby:3"}] * ATTEMPTS)
    events = [*many("lobby", 3), *many("den", 9), event("lobby", 4)]
    failed = publish(topic, *events)
    assert {(events[place].originator_id, events[place].originator_version) for place in failed} \
        == {("lobby", 2), ("lobby", 3), ("lobby", 4)}  # fmt: skip
    assert set(failed.values()) == {"Throttled"}
    assert not any("lobby:4" in call for call in topic.calls)
    assert [name for name in topic.taken if name.startswith("den")] == [
        f"den:{version}" for version in range(1, 10)
    ]


def test_what_can_never_be_taken_is_not_tried_again() -> None:
    topic = Scripted({"lobby:1"}, sender_fault=True, code="InvalidParameter")
    assert publish(topic, *many("lobby", 2), event("den", 1)) == {0: "InvalidParameter"}
    assert len(topic.calls) == 1


def test_a_call_that_fails_is_tried_again() -> None:
    timeout = ReadTimeoutError(endpoint_url="https://sns")
    topic = Scripted(timeout, refused("Throttled", 400), refused("InternalError", 500))
    assert publish(topic, *many("lobby", 2)) == {}
    # Nothing says that either went: they go one at a time.
    assert topic.calls == [["lobby:1", "lobby:2"], ["lobby:1"], ["lobby:1"], ["lobby:1"],
                           ["lobby:2"]]  # fmt: skip


def test_a_call_that_is_forbidden_fails_at_once() -> None:
    topic = Scripted(refused("AuthorizationError", 403))
    assert publish(topic, *many("lobby", 2)) == dict.fromkeys((0, 1), "AuthorizationError")
    assert len(topic.calls) == 1


def test_what_is_not_answered_for_was_not_taken() -> None:
    topic = Scripted()
    topic.publish_batch = lambda **request: {}  # type: ignore[method-assign]
    failed = publish(topic, *many("lobby", 2))
    assert failed == dict.fromkeys((0, 1), "Unanswered")


def test_the_relay_tells_places_and_logs_no_content(caplog: pytest.LogCaptureFixture) -> None:
    topic = Scripted({"lobby:1"}, sender_fault=True, code="InvalidParameter")
    with caplog.at_level(logging.WARNING):
        events = [event("den", 1), event("lobby", 1, text="planted"), event("lobby", 2)]
        assert Relay(topic, "arn", pause=lambda seconds: None).publish(events) == [1]
    (told,) = caplog.records
    assert vars(told) | {"stream": "lobby", "version": 1, "code": "InvalidParameter"} == vars(told)
    assert "planted" not in str(vars(told))


@pytest.mark.parametrize("failure", [
    {"lobby:1"}, RuntimeError("planted"), refused("Throttled", 400),
])  # fmt: skip
def test_the_announcer_tries_once_and_leaves_the_rest_to_the_relay(
    failure: Any, caplog: pytest.LogCaptureFixture
) -> None:
    topic = Scripted(failure)
    with caplog.at_level(logging.WARNING):
        Announcer(topic, "arn").announce([event("lobby", 1, text="planted")])()
    assert len(topic.calls) == 1
    assert len(caplog.records) == 1
    assert "planted" not in str(vars(caplog.records[0]))


class Held:
    """A topic that takes nothing until it is let."""

    def __init__(self) -> None:
        self.begun, self.may = threading.Event(), threading.Event()
        self.taken: list[str] = []

    def publish_batch(self, **request: Any) -> dict[str, Any]:
        self.begun.set()
        assert self.may.wait(30)
        entries = request["PublishBatchRequestEntries"]
        self.taken += [one["MessageDeduplicationId"] for one in entries]
        return {"Successful": [{"Id": one["Id"]} for one in entries]}


def test_announcing_goes_on_beside_the_caller_and_can_be_waited_for() -> None:
    topic = Held()
    ended = Announcer(topic, "arn").announce(many("lobby", 2))
    assert topic.begun.wait(30)
    assert topic.taken == []
    topic.may.set()
    ended()
    assert topic.taken == ["lobby:1", "lobby:2"]


def test_what_is_announced_keeps_the_order_of_the_calls() -> None:
    topic = Held()
    announcer = Announcer(topic, "arn")
    waits = [announcer.announce([event("lobby", version)]) for version in range(1, 6)]
    topic.may.set()
    waits[-1]()
    assert topic.taken == [f"lobby:{version}" for version in range(1, 6)]


def test_one_thread_is_kept_and_none_before_it_is_needed() -> None:
    def threads() -> set[threading.Thread]:
        return {one for one in threading.enumerate() if one.name.startswith("parley-announce")}

    before = threads()
    announcer = Announcer(Scripted(), "arn")
    assert threads() - before == set()
    for version in (1, 2, 3):
        announcer.announce([event("lobby", version)])()
    assert len(threads() - before) == 1


def test_without_a_thread_it_is_left_to_the_relay(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("adapters.messaging.topic.ThreadPoolExecutor.submit", refuse)
    topic = Scripted()
    with caplog.at_level(logging.WARNING):
        Announcer(topic, "arn").announce([event("lobby", 1)])()
    assert topic.calls == []
    assert [vars(record)["code"] for record in caplog.records] == ["RuntimeError"]


# Through moto: SNS FIFO to an SQS FIFO queue


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, str, Any, dict[str, str]]]:
    """Yields the sns client, the topic, the sqs client and queues by name: `all` takes every
    event, `memberships` and `notify` what their filters let through."""
    import boto3
    from moto import mock_aws

    fake_credentials(monkeypatch)
    with mock_aws():
        sns, sqs = boto3.client("sns"), boto3.client("sqs")
        fifo = {"FifoTopic": "true", "ContentBasedDeduplication": "false"}
        topic = sns.create_topic(Name="events.fifo", Attributes=fifo)["TopicArn"]
        queues = {}
        filters: dict[str, dict[str, list[str]]] = {
            "all": {},
            "memberships": {"topic": ["room.member-joined"]},
            "notify": {"notify": ["1"]},
        }
        for name, policy in filters.items():
            url = sqs.create_queue(QueueName=f"{name}.fifo", Attributes={"FifoQueue": "true"})
            queues[name] = url["QueueUrl"]
            arn = sqs.get_queue_attributes(QueueUrl=queues[name], AttributeNames=["QueueArn"])
            attributes = {"RawMessageDelivery": "true"}
            if policy:
                attributes["FilterPolicy"] = json.dumps(policy)
            sns.subscribe(TopicArn=topic, Protocol="sqs", Attributes=attributes,
                          Endpoint=arn["Attributes"]["QueueArn"])  # fmt: skip
        yield sns, topic, sqs, queues


def received(sqs: Any, url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while messages := sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"]
    ).get("Messages"):
        found += messages
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def test_consumers_get_envelopes_in_order_once(stack: Any) -> None:
    sns, topic, sqs, queues = stack
    events = [one for pair in zip(many("lobby", 12), many("den", 12), strict=True) for one in pair]
    relay, announcer = Relay(sns, topic), Announcer(sns, topic)
    announcer.announce(events[:5])()
    assert relay.publish(events) == []
    found = received(sqs, queues["all"])
    assert len(found) == len(events)
    for stream in ("lobby", "den"):
        bodies = [m["Body"].encode() for m in found if m["Attributes"]["MessageGroupId"] == stream]
        assert bodies == [envelope(one) for one in many(stream, 12)]
    assert found[0]["Attributes"]["MessageDeduplicationId"] == "lobby:1"


def test_filters_let_through_what_is_meant(stack: Any) -> None:
    sns, topic, sqs, queues = stack
    joined = StoredEvent("lobby", 2, "room.member-joined", b"{}")
    named = event("lobby", 4, notify=["u_bob"])
    Relay(sns, topic).publish([joined, event("lobby", 3, notify=[]), named])
    (membership,) = received(sqs, queues["memberships"])
    assert membership["Body"].encode() == envelope(joined)
    (notice,) = received(sqs, queues["notify"])
    assert notice["Body"].encode() == envelope(named)
