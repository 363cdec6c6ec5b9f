"""Events in DynamoDB: items, transactions, reads."""

from collections.abc import Callable
from typing import Any

import pytest
from eventsourcing.persistence import (
    IntegrityError,
    OperationalError,
    ProgrammingError,
    StoredEvent,
)

from adapters.dynamodb.events import DynamoEvents
from adapters.dynamodb.table import Table
from tests.conformance.events.streams import event, selected
from tests.support.dynamodb import counting


def test_one_event_is_one_put_and_several_are_one_transaction(stored: tuple[Any, Table]) -> None:
    client, table = stored
    recorder = DynamoEvents(table)
    with counting(client) as called:
        recorder.insert_events([])
        recorder.insert_events([event(1)])
        recorder.insert_events([event(2), event(3)])
    assert called == ["PutItem", "TransactWriteItems"]


def test_an_item_is_what_the_stream_relay_reads(stored: tuple[Any, Table]) -> None:
    client, table = stored
    DynamoEvents(table).insert_events([event(7)])
    key = {"log": {"S": "lobby"}, "version": {"N": "7"}}
    found = client.get_item(TableName=table.name, Key=key)["Item"]
    assert found == {**key, "topic": {"S": "room.message-posted"}, "state": {"S": '{"n":7}'}}


def test_a_log_of_several_pages_is_read_whole(stored: tuple[Any, Table]) -> None:
    client, table = stored
    recorder = DynamoEvents(table)
    state = b'{"text":"%b"}' % (b"x" * 300_000)
    for version in range(1, 9):
        recorder.insert_events([StoredEvent("lobby", version, "room.message-posted", state)])
    with counting(client) as called:
        assert selected(recorder) == list(range(1, 9))
    assert len(called) > 1
    assert selected(recorder, limit=6) == list(range(1, 7))
    assert selected(recorder, desc=True, limit=7) == list(range(8, 1, -1))


def test_every_read_is_consistent(stored: tuple[Any, Table]) -> None:
    client, table = stored
    asked: list[Any] = []
    listen: Callable[..., None] = lambda params, **_: asked.append(params)  # noqa: E731
    client.meta.events.register("provide-client-params.dynamodb.Query", listen)
    try:
        DynamoEvents(table).select_events("lobby", gt=1, lte=5, desc=True, limit=3)
    finally:
        client.meta.events.unregister("provide-client-params.dynamodb.Query", listen)
    assert [params["ConsistentRead"] for params in asked] == [True]


def test_a_hundred_events_are_appended_as_one(dynamo: Any, tables: dict[str, str]) -> None:
    """On moto alone: DynamoDB Local still has the ten of its year."""
    recorder = DynamoEvents(Table(dynamo, tables["events"]))
    recorder.insert_events([event(version) for version in range(1, 101)])
    assert selected(recorder) == list(range(1, 101))
    with pytest.raises(IntegrityError):
        recorder.insert_events([event(version) for version in range(199, 99, -1)])
    assert len(selected(recorder)) == 100


def test_more_than_a_transaction_holds_is_refused_whole(stored: tuple[Any, Table]) -> None:
    recorder = DynamoEvents(stored[1])
    with pytest.raises(ProgrammingError, match="101 events at once"):
        recorder.insert_events([event(version) for version in range(1, 102)])
    assert selected(recorder) == []


def test_what_is_too_large_is_the_librarys_error(stored: tuple[Any, Table]) -> None:
    recorder = DynamoEvents(stored[1])
    large = StoredEvent("lobby", 1, "room.message-posted", b"x" * 410_000)
    with pytest.raises(OperationalError):
        recorder.insert_events([large])
    assert selected(recorder) == []
