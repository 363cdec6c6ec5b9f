"""What the stream's readers gave up is handed on again: on moto, with the real publishers over
clients that remember.

Over 300 lines: one world of a stream, its letters and what it forgets, and each case on it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import boto3
import orjson
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from eventsourcing.persistence import StoredEvent

from adapters.dynamodb.events import DynamoEvents
from adapters.dynamodb.table import Table
from domain.chat import Chat
from operations.restoring import of_table
from operations.stream_batches import EMPTY, NotUnderstood, Place, Stream, batch
from operations.stream_failures import Reader, StreamFailures
from tests.support.chat import Clock, memory_chat, person
from tests.support.outbound import Outside

FAILURES = ("RelayFailures", "ArchiveFailures")


class World:
    """A room of two in DynamoDB, its stream, and the two queues."""

    def __init__(self, dynamo: Any, name: str) -> None:
        self.table = Table(dynamo, name)
        self.clock = Clock()
        self.outside = Outside(set())
        inside = memory_chat(clock=self.clock, recorder=DynamoEvents(self.table))
        self.chat = Chat(replace(inside.services, **self.outside.services()))
        self.sqs = boto3.client("sqs", region_name="us-east-1")
        self.urls = {n: self.sqs.create_queue(QueueName=n)["QueueUrl"] for n in FAILURES}
        self.streams = boto3.client("dynamodbstreams", region_name="us-east-1")
        (stream,) = self.streams.list_streams(TableName=name)["Streams"]
        self.arn = stream["StreamArn"]
        self.reads = 0
        self.ann, self.bob = person(self.chat, "ann"), person(self.chat, "bob")
        self.ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
        self.bob.send(action="join", room="lobby")
        self.bob.send(action="post", room="lobby", text="a secret word")

    def records(self) -> list[Any]:
        shard = self.shard()
        iterator = self.streams.get_shard_iterator(
            StreamArn=self.arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        return list(self.streams.get_records(ShardIterator=iterator)["Records"])

    def shard(self) -> str:
        described = self.streams.describe_stream(StreamArn=self.arn)["StreamDescription"]
        return str(described["Shards"][0]["ShardId"])

    def letter(self, queue: str, first: int, last: int, **other: Any) -> dict[str, Any]:
        """Gives a queue the letter of the stream's records from one place to another."""
        places = [record["dynamodb"]["SequenceNumber"] for record in self.records()]
        info = {
            "shardId": self.shard(),
            "startSequenceNumber": places[first],
            "endSequenceNumber": places[last],
            "approximateArrivalOfFirstRecord": self.clock.now()[:19] + "Z",
            "approximateArrivalOfLastRecord": self.clock.now()[:19] + "Z",
            "batchSize": last - first + 1,
            "streamArn": self.arn,
            **other,
        }
        body = orjson.dumps({"version": "1.0", "DDBStreamBatchInfo": info}).decode()
        self.sqs.send_message(QueueUrl=self.urls[queue], MessageBody=body)
        return info

    def redrive(self, streams: Any = None) -> list[str]:
        takes = (self.chat.relay, self.chat.archive)
        readers = [
            Reader(self.sqs, name, self.urls[name], take)
            for name, take in zip(FAILURES, takes, strict=True)
        ]

        def every() -> Iterator[StoredEvent]:
            self.reads += 1
            return of_table(self.table, consistent=False)

        stream = Stream(streams or self.streams)
        return list(
            StreamFailures(readers, stream, self.chat.services.log.recorder, every).redrive()
        )

    def left(self, queue: str) -> int:
        """Returns how many letters somebody who looks now would be given."""
        answer = self.sqs.receive_message(
            QueueUrl=self.urls[queue], MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return len(answer.get("Messages", ()))

    def published(self) -> list[str]:
        return [name for name, _ in self.outside.published]

    def archived(self) -> list[str]:
        return [f"{log}:{version}" for log, version, _ in self.outside.archived]


@pytest.fixture
def world(dynamo: Any, tables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> World:
    # Nothing comes later: do not wait for it.
    monkeypatch.setattr("operations.dead_letters.WAIT", 0)
    # moto does not know the streams' addresses that have the account's id in them.
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")
    return World(dynamo, tables["events"])


@pytest.fixture
def forgetful(world: World) -> Iterator[Stubber]:
    """The stream after a day: moto's forgets nothing, so botocore's stub answers for it."""
    client = boto3.client("dynamodbstreams", region_name="us-east-1")
    with Stubber(client) as stub:
        stub.client = client
        yield stub
        stub.assert_no_pending_responses()


def test_what_the_stream_still_has_is_told_again(world: World) -> None:
    # The persons' four events, then the room's.
    world.letter("RelayFailures", 5, 6)
    world.letter("ArchiveFailures", 0, 4)
    assert world.redrive() == [
        "RelayFailures: 1 letters done, 2 events told again",
        "ArchiveFailures: 1 letters done, 5 events told again",
    ]
    assert world.published() == ["lobby:2", "lobby:3"]
    assert world.archived() == ["lobby:1", "u_ann:1", "u_ann:2", "u_bob:1", "u_bob:2"]
    assert [world.left(queue) for queue in FAILURES] == [0, 0]
    assert world.reads == 0
    # Nothing is left to do.
    assert world.redrive() == []


def test_it_is_the_log_that_is_told_not_what_the_stream_held(world: World) -> None:
    item = world.table.get({"log": "lobby", "version": 3})
    assert item is not None
    # Retention replaced it since: a change of the item, which the stream tells as such.
    world.table.put({**item, "state": item["state"].replace("secret", "hidden")})
    world.letter("RelayFailures", 6, 8)
    assert world.redrive() == ["RelayFailures: 1 letters done, 2 events told again"]
    assert world.published() == ["lobby:3", "lobby:4"]


def test_an_event_that_the_log_has_lost_does_not_hold_up_the_others(world: World) -> None:
    world.letter("RelayFailures", 4, 6)
    world.table.delete({"log": "lobby", "version": 2})
    assert world.redrive() == ["RelayFailures: 1 letters done, 2 events told again"]
    assert world.published() == ["lobby:1", "lobby:3"]


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("get_shard_iterator", "TrimmedDataAccessException"),
        ("get_shard_iterator", "ResourceNotFoundException"),
        ("get_records", "TrimmedDataAccessException"),
    ],
)
def test_after_a_day_the_time_tells_which_events(
    world: World, forgetful: Stubber, operation: str, code: str
) -> None:
    world.clock.wait(3_600)
    world.bob.send(action="post", room="lobby", text="in the batch")
    world.letter("RelayFailures", 8, 8)
    world.letter("ArchiveFailures", 8, 8)
    world.clock.wait(50)
    world.bob.send(action="post", room="lobby", text="within the minute")
    world.clock.wait(3_600)
    world.bob.send(action="post", room="lobby", text="much later")
    for _ in FAILURES:
        if operation == "get_records":
            forgetful.add_response("get_shard_iterator", {"ShardIterator": "one"})
        forgetful.add_client_error(operation, code)
    assert world.redrive(forgetful.client) == [
        "RelayFailures: 1 letters done, 2 events told again",
        "ArchiveFailures: 1 letters done, 2 events told again",
    ]
    assert world.published() == world.archived() == ["lobby:5", "lobby:6"]
    assert [world.left(queue) for queue in FAILURES] == [0, 0]
    # One read for all letters.
    assert world.reads == 1


def test_a_letter_that_a_person_wrote_tells_a_time(world: World) -> None:
    times = {"approximateArrivalOfFirstRecord": "2026-01-02T03:04:05Z",
             "approximateArrivalOfLastRecord": "2026-01-02T03:04:05Z"}  # fmt: skip
    body = orjson.dumps({"DDBStreamBatchInfo": times}).decode()
    world.sqs.send_message(QueueUrl=world.urls["ArchiveFailures"], MessageBody=body)
    assert world.redrive() == ["ArchiveFailures: 1 letters done, 8 events told again"]
    assert world.published() == []
    assert len(world.archived()) == 8


def test_a_shard_that_ends_before_the_batch_does_is_not_believed(
    world: World, forgetful: Stubber
) -> None:
    info = world.letter("RelayFailures", 4, 6)
    record = next(
        one
        for one in world.records()
        if one["dynamodb"]["SequenceNumber"] == info["startSequenceNumber"]
    )
    forgetful.add_response("get_shard_iterator", {"ShardIterator": "one"})
    forgetful.add_response("get_records", {"Records": [record]})
    assert world.redrive(forgetful.client) == ["RelayFailures: 1 letters done, 8 events told again"]
    assert world.reads == 1


def test_empty_pages_are_gone_past_but_not_for_ever(world: World, forgetful: Stubber) -> None:
    info = world.letter("RelayFailures", 6, 6)
    (record,) = world.records()[6:7]
    empty = {"Records": [], "NextShardIterator": "more"}
    forgetful.add_response("get_shard_iterator", {"ShardIterator": "one"})
    forgetful.add_response("get_records", empty)
    forgetful.add_response("get_records", {"Records": [record]})
    place = batch(orjson.dumps({"DDBStreamBatchInfo": info}).decode()).place
    assert place
    assert Stream(forgetful.client).inserted(place) == [("lobby", 3)]
    forgetful.add_response("get_shard_iterator", {"ShardIterator": "one"})
    for _ in range(EMPTY):
        forgetful.add_response("get_records", empty)
    assert Stream(forgetful.client).inserted(place) is None


def test_another_refusal_of_the_stream_ends_it_and_no_letter_is_lost(
    world: World, forgetful: Stubber
) -> None:
    world.letter("RelayFailures", 6, 6)
    forgetful.add_client_error("get_shard_iterator", "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        world.redrive(forgetful.client)
    assert world.left("RelayFailures") == 1


def test_a_letter_stays_until_all_of_it_was_taken(world: World) -> None:
    world.outside.refused = {"lobby:3"}
    world.letter("RelayFailures", 4, 5)
    world.letter("RelayFailures", 6, 6)
    assert world.redrive() == [
        "RelayFailures: 1 letters done, 2 events told again, 1 kept: not all was taken"
    ]
    assert world.left("RelayFailures") == 1
    world.outside.refused = ()
    assert world.redrive() == ["RelayFailures: 1 letters done, 1 events told again"]
    assert world.published() == ["lobby:1", "lobby:2", "lobby:3"]
    assert world.left("RelayFailures") == 0


def test_of_letters_told_by_time_those_stay_whose_events_were_not_taken(
    world: World, forgetful: Stubber
) -> None:
    world.clock.wait(3_600)
    world.bob.send(action="post", room="lobby", text="taken")
    world.letter("RelayFailures", 8, 8)
    world.clock.wait(3_600)
    world.bob.send(action="post", room="lobby", text="refused")
    world.letter("RelayFailures", 9, 9)
    world.outside.refused = {"lobby:6"}
    for _ in range(2):
        forgetful.add_client_error("get_shard_iterator", "TrimmedDataAccessException")
    assert world.redrive(forgetful.client) == [
        "RelayFailures: 1 letters done, 1 events told again, 1 kept: not all was taken"
    ]
    assert world.published() == ["lobby:5"]
    assert world.left("RelayFailures") == 1


def test_pages_of_what_is_told_by_time(
    world: World, forgetful: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operations.stream_failures.PAGE", 2)
    world.letter("RelayFailures", 0, 1)
    world.letter("RelayFailures", 2, 7)
    for _ in range(2):
        forgetful.add_client_error("get_shard_iterator", "TrimmedDataAccessException")
    assert world.redrive(forgetful.client) == ["RelayFailures: 2 letters done, 8 events told again"]
    # Of letters whose times overlap each event is told once.
    assert len(world.published()) == len({*world.published()}) == 8


def test_an_event_that_does_not_say_when_is_left_out_by_time(
    world: World, forgetful: Stubber
) -> None:
    world.letter("RelayFailures", 0, 7)
    for version, state in enumerate(("[]", "{", '{"recorded_at": "2026-01-02T03:04:05"}'), 10):
        world.table.put({"log": "odd", "version": version, "topic": "x", "state": state})
    forgetful.add_client_error("get_shard_iterator", "TrimmedDataAccessException")
    assert world.redrive(forgetful.client) == ["RelayFailures: 1 letters done, 8 events told again"]


GOOD = {
    "shardId": "s", "startSequenceNumber": "0010", "endSequenceNumber": "20",
    "approximateArrivalOfFirstRecord": "2026-01-02T03:04:05Z",
    "approximateArrivalOfLastRecord": "2026-01-02T03:04:06.789Z",
    "batchSize": 3, "streamArn": "arn",
}  # fmt: skip


def bodies() -> Iterable[Any]:
    yield from ("", "{", "null", "[]", "{}", '{"DDBStreamBatchInfo": null}')
    yield '{"KinesisBatchInfo": {}}'
    for name in sorted({*GOOD} - {"batchSize", "shardId"}):
        less = {key: value for key, value in GOOD.items() if key != name}
        yield orjson.dumps({"DDBStreamBatchInfo": less}).decode()
    for name, value in (
        ("startSequenceNumber", "first"),
        ("approximateArrivalOfLastRecord", "2026-01-02T03:04:06"),
        ("approximateArrivalOfLastRecord", "then"),
    ):
        yield orjson.dumps({"DDBStreamBatchInfo": {**GOOD, name: value}}).decode()


def test_a_letter_as_lambda_writes_it() -> None:
    found = batch(orjson.dumps({"requestContext": {}, "DDBStreamBatchInfo": GOOD}).decode())
    assert found.place == Place("arn", "s", "0010", 20)
    assert (found.upto - found.since).total_seconds() == 1.789


@pytest.mark.parametrize("body", list(bodies()))
def test_what_is_no_such_letter(body: str) -> None:
    with pytest.raises(NotUnderstood):
        batch(body)


def test_a_letter_that_is_not_understood_stays_and_stops_nobody(world: World) -> None:
    send = partial(world.sqs.send_message, QueueUrl=world.urls["RelayFailures"])
    send(MessageBody="{}")
    world.letter("RelayFailures", 6, 6)
    assert world.redrive() == [
        "RelayFailures: 1 letters done, 1 events told again, 1 kept: not understood"
    ]
    assert world.left("RelayFailures") == 1
