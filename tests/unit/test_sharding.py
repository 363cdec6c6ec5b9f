"""Large rooms: handed on to shards by way of the delivery queue."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import botocore.session
import orjson
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from adapters.memory.gateway import RecordingGateway
from adapters.messaging.presence import PresenceNotQueued, PresenceQueue
from adapters.messaging.shards import ATTEMPTS, ShardQueue, ShardsNotQueued
from domain.chat import Chat
from domain.chat.delivering import LARGE
from domain.chat.receiving import Receiving
from domain.consuming import Record
from domain.ports.connections import Connection
from tests.support.chat import memory_chat, person, records, run_consumers
from tests.support.dynamodb import fake_credentials


class FakeShards:
    """Keeps what was handed on, as records of the queue."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[int], int]] = []
        self.records: list[Record] = []
        self.failing = False

    def enqueue(self, room: str, events: Any, of: int) -> None:
        if self.failing:
            raise OSError("the queue is down")
        self.calls.append((room, [version for version, _ in events], of))
        for version, envelope in events:
            for part in range(of):
                body = {**orjson.loads(envelope), "shard": [part, of]}
                self.records.append(Record(f"{version}:{part}", orjson.dumps(body)))


@pytest.fixture
def shards() -> FakeShards:
    return FakeShards()


def large(shards: FakeShards, connections: int) -> tuple[Chat, list[str]]:
    """Returns a room of Ann and Bob where each has so many connections."""
    made = memory_chat()
    chat = Chat(replace(made.services, shards=shards))
    ann, bob = person(chat, "ann"), person(chat, "bob")
    ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
    bob.send(action="join", room="lobby")
    run_consumers(chat)
    ids = []
    for someone in (ann, bob):
        for n in range(connections):
            id = someone.another(f"{someone.user}-{n}").connection.id
            chat.services.connections.subscribe(id, "lobby", 3)
            ids.append(id)
    for someone in (ann, bob):
        someone.frames()
    return chat, ids


def frames(chat: Chat) -> dict[str, list[list[int]]]:
    """Takes each connection's frames, as the versions in them."""
    gateway = chat.services.gateway
    assert isinstance(gateway, RecordingGateway)
    taken, gateway.frames = gateway.frames, {}
    return {
        id: [[event["version"] for event in orjson.loads(frame)["events"]] for frame in sent]
        for id, sent in taken.items()
    }


def said(chat: Chat, *texts: str, removing: str | None = None) -> list[Record]:
    """Has Ann say texts, and remove somebody after the first; returns the records, undelivered."""
    before = max(id for id, _ in records(chat))
    asked = [{"action": "post", "text": text} for text in texts]
    if removing is not None:
        asked.insert(1, {"action": "remove_member", "user": removing})
    for n, frame in enumerate(asked):
        body = orjson.dumps({**frame, "room": "lobby", "id": f"{before}-{n}"})
        Receiving(chat).receive(Connection("ann", "u_ann", ""), body.decode())
    gateway = chat.services.gateway
    assert isinstance(gateway, RecordingGateway)
    gateway.frames.clear()
    return [record for _, record in records(chat, before)]


def test_a_room_of_no_more_than_the_limit_is_delivered_in_one_go(shards: FakeShards) -> None:
    chat, ids = large(shards, LARGE // 2)
    assert chat.apply_records("deliver", said(chat, "one", "two")) == []
    assert frames(chat) == {id: [[4, 5]] for id in ids}
    assert shards.calls == []


def test_a_larger_room_is_handed_on_and_each_gets_it_once(shards: FakeShards) -> None:
    chat, ids = large(shards, LARGE // 2 + 1)
    batch = said(chat, "one", "two")
    assert chat.apply_records("deliver", batch) == []
    assert frames(chat) == {}
    assert shards.calls == [("lobby", [4, 5], 2)]
    assert chat.apply_records("deliver", shards.records) == []
    assert frames(chat) == {id: [[4, 5]] for id in ids}
    assert chat.apply_records("deliver", [*batch, *shards.records]) == []
    assert frames(chat) == {}
    assert len(shards.calls) == 1


def test_shards_number_a_power_of_two(shards: FakeShards, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.chat.delivering.LARGE", 10)
    chat, ids = large(shards, 41 // 2)
    chat.apply_records("deliver", said(chat, "one"))
    assert [of for _, _, of in shards.calls] == [4]
    chat.apply_records("deliver", shards.records)
    assert frames(chat) == {id: [[4]] for id in ids}


def test_what_cannot_be_handed_on_is_tried_again(shards: FakeShards) -> None:
    chat, ids = large(shards, LARGE)
    batch = said(chat, "one")
    shards.failing = True
    assert chat.apply_records("deliver", batch) == [batch[0].id]
    shards.failing = False
    assert chat.apply_records("deliver", [replace(batch[0], receives=2)]) == []
    chat.apply_records("deliver", shards.records)
    assert frames(chat) == {id: [[4]] for id in ids}


def test_a_removed_member_gets_that_as_the_last_whatever_shard_is_first(
    shards: FakeShards, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.chat.delivering.LARGE", 10)
    chat, ids = large(shards, 20)
    chat.apply_records("deliver", said(chat, "one", "two", removing="u_bob"))
    chat.apply_records("deliver", list(reversed(shards.records)))
    got = frames(chat)
    assert {id: got[id] for id in ids if id.startswith("u_bob")} == {
        id: [[4, 5]] for id in ids if id.startswith("u_bob")
    }
    assert {id: got[id] for id in ids if id.startswith("u_ann")} == {
        id: [[4, 5], [6]] for id in ids if id.startswith("u_ann")
    }


# On SQS


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    from moto import mock_aws

    fake_credentials(monkeypatch)
    with mock_aws():
        yield botocore.session.Session().create_client("sqs", "us-east-1")


@pytest.fixture
def fifo(sqs: Any) -> str:
    attributes = {
        "FifoQueue": "true", "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
    }  # fmt: skip
    url: str = sqs.create_queue(QueueName="delivery.fifo", Attributes=attributes)["QueueUrl"]
    return url


def received(sqs: Any, url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        answer = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"], WaitTimeSeconds=0
        )
        if not answer.get("Messages"):
            return found
        for message in answer["Messages"]:
            found.append(message)
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


EVENTS = [(4, b'{"stream":"lobby","version":4}'), (5, b'{"stream":"lobby","version":5}')]


def test_each_shard_has_a_group_with_all_events_in_order(sqs: Any, fifo: str) -> None:
    queue = ShardQueue(sqs, fifo)
    for _ in range(2):  # the second time is dropped by its deduplication ids
        queue.enqueue("lobby", EVENTS, 16)
    groups: dict[str, list[Any]] = {}
    for message in received(sqs, fifo):
        group = message["Attributes"]["MessageGroupId"]
        body = orjson.loads(message["Body"])
        part, of = body["shard"]
        assert group == f"lobby:{part}"
        wanted = f"lobby:{body['version']}:{part}/{of}"
        assert message["Attributes"]["MessageDeduplicationId"] == wanted
        groups.setdefault(group, []).append(body["version"])
    assert groups == {f"lobby:{part}": [4, 5] for part in range(16)}


class FakeQueue:
    """Answers as it is told to; keeps batches."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.batches: list[list[dict[str, Any]]] = []

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> Any:  # noqa: N803
        self.batches.append(Entries)
        failing = self.answers.pop(0) if self.answers else ()
        if isinstance(failing, Exception):
            raise failing
        ids = [entry["Id"] for entry in Entries]
        return {
            "Successful": [{"Id": id} for id in ids if id not in failing],
            "Failed": [{"Id": id, "Code": "InternalError"} for id in ids if id in failing],
        }


def test_of_a_batch_only_what_failed_is_sent_again_before_the_next_event() -> None:
    fake = FakeQueue(("1",))
    pauses: list[float] = []
    ShardQueue(fake, "url", pauses.append).enqueue("lobby", EVENTS, 2)
    sent = [[entry["MessageDeduplicationId"] for entry in batch] for batch in fake.batches]
    assert sent == [["lobby:4:0/2", "lobby:4:1/2"], ["lobby:4:1/2"], ["lobby:5:0/2", "lobby:5:1/2"]]
    assert len(pauses) == 1


@pytest.mark.parametrize(
    "failure",
    [
        ("0", "1"),
        ClientError({"Error": {"Code": "RequestThrottled"}}, "SendMessageBatch"),
        EndpointConnectionError(endpoint_url="http://x"),
    ],
)
def test_what_stays_undone_has_a_named_error(failure: Any) -> None:
    fake = FakeQueue(*[failure] * ATTEMPTS)
    with pytest.raises(ShardsNotQueued):
        ShardQueue(fake, "url", lambda _: None).enqueue("lobby", EVENTS, 2)
    assert len(fake.batches) == ATTEMPTS


def test_batches_keep_to_the_bytes_that_sqs_takes() -> None:
    fake = FakeQueue()
    ShardQueue(fake, "url").enqueue("lobby", [(4, b'{"x":"%b"}' % (b"y" * 100_000))], 8)
    assert [len(batch) for batch in fake.batches] == [2, 2, 2, 2]


def test_presence_checks_are_queued_and_other_work_is_done_at_once(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="presence")["QueueUrl"]
    background = PresenceQueue(sqs, url)
    done: list[int] = []
    background.run(lambda: done.append(1))
    assert done == [1]
    background.presence_check("u_ann", [])
    assert received(sqs, url) == []
    background.presence_check("u_ann", ["den", "lobby"])
    background.presence_check("u_bob", [f"r{n}" for n in range(1_500)])
    bodies = [orjson.loads(message["Body"]) for message in received(sqs, url)]
    assert bodies[0] == {"user": "u_ann", "rooms": ["den", "lobby"]}
    assert [len(body["rooms"]) for body in bodies[1:]] == [1_000, 500]


def test_a_presence_check_that_cannot_be_queued_has_a_named_error(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="presence")["QueueUrl"]
    sqs.delete_queue(QueueUrl=url)
    with pytest.raises(PresenceNotQueued):
        PresenceQueue(sqs, url).presence_check("u_ann", ["lobby"])
