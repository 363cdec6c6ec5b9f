"""The DynamoDB wrapper: values, pages, retries, and which failure has which name."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from adapters.dynamodb.table import (
    ATTEMPTS,
    ConditionFailed,
    Table,
    decode_item,
    encode_item,
)
from domain.errors import Throttled
from tests.support.dynamodb import ENGINES, counting, engine_of, scan_guard


@pytest.fixture(params=ENGINES)
def table(request: pytest.FixtureRequest) -> Table:
    client, tables = engine_of(request, request.param)
    return Table(client, tables["accounts"], lambda seconds: None)


ITEM = {
    "pk": "one",
    "sk": "żółw",
    "whole": 2**53,
    "half": 0.5,
    "micro": 1_760_000_000.123456,
    "flag": True,
    "nothing": None,
    "bytes": b"\x00\xff",
    "list": [1, "two", {"three": 3.5}],
    "map": {"k": "u_ann", "c": "…", "deep": {"list": []}},
}


def test_values_come_back_as_they_went(table: Table) -> None:
    assert decode_item(encode_item(ITEM)) == ITEM
    table.put(ITEM)
    assert table.get({"pk": "one", "sk": "żółw"}) == ITEM
    assert table.get({"pk": "one", "sk": "another"}) is None


def numbered(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"pk": "many", "sk": f"{number:04}", "n": number, **more} for number in range(count)]


def test_many_are_written_read_and_deleted_in_batches(table: Table) -> None:
    items = numbered(120)
    table.write_many(items)
    keys = [{"pk": "many", "sk": item["sk"]} for item in items]
    found = table.get_many([*keys, {"pk": "many", "sk": "absent"}])
    assert sorted(found, key=lambda item: item["sk"]) == items
    table.write_many(deletes=keys[:110])
    assert [item["n"] for item in table.get_many(keys)] != []
    assert len(table.get_many(keys)) == 10
    assert table.get_many([]) == []


def test_a_query_follows_its_pages(table: Table) -> None:
    table.write_many(numbered(8, filler="x" * 300_000))
    ask: dict[str, Any] = {"condition": "pk = :pk", "values": {":pk": "many"}}
    with counting(table.client) as called:
        assert [item["n"] for item in table.query(**ask)] == list(range(8))
    assert len(called) > 1
    assert [item["n"] for item in table.query(**ask, limit=6)] == list(range(6))
    assert [item["n"] for item in table.query(**ask, descending=True, limit=2)] == [7, 6]
    raw = list(table.query(**ask, limit=1, projection="n", decoded=False))
    assert raw == [{"n": {"N": "0"}}]


def test_a_condition_that_fails_may_show_what_was_there(table: Table) -> None:
    key = {"pk": "one", "sk": "one"}
    absent = "attribute_not_exists(pk)"
    table.put({**key, "n": 1}, condition=absent)
    with pytest.raises(ConditionFailed):
        table.put({**key, "n": 2}, condition=absent)
    with pytest.raises(ConditionFailed):
        table.delete(key, condition="n = :n", values={":n": 2})
    assert table.update(
        key, "SET n = n + :one", values={":one": 1}, condition="n = :one", returning="ALL_NEW"
    ) == {**key, "n": 2}
    assert table.delete(key) == {**key, "n": 2}
    assert table.delete(key) is None


def test_a_failed_condition_holds_the_item(dynamo: Any, tables: dict[str, str]) -> None:
    """On moto alone: DynamoDB has it since 2023."""
    table = Table(dynamo, tables["accounts"])
    item = {"pk": "one", "sk": "one", "n": 1}
    table.put(item)
    with pytest.raises(ConditionFailed) as failed:
        table.put(item, condition="attribute_not_exists(pk)", held=True)
    assert failed.value.item == item


def test_the_guard_hears_of_a_scan(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(table.every()) == []
    monkeypatch.setattr(scan_guard, "on", True)
    with pytest.raises(AssertionError, match="Scan"):
        list(table.every())
    assert scan_guard.scanned
    scan_guard.scanned.clear()


# A client that fails


def refusal(code: str, *reasons: str) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": code}}
    if reasons:
        response["CancellationReasons"] = [{"Code": reason} for reason in reasons]
    return ClientError(response, "Call")


class Client:
    """Answers each call with the next of what it was given, and raises errors among them."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            self.asked.append(arguments)
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


def failing(*answers: Any) -> tuple[Client, Table, list[float]]:
    client, pauses = Client(*answers), list[float]()
    return client, Table(client, "table", pauses.append), pauses


@pytest.mark.parametrize(
    "error",
    [
        refusal("ProvisionedThroughputExceededException"),
        refusal("ThrottlingException"),
        refusal("TransactionConflictException"),
        refusal("TransactionInProgressException"),
        refusal("InternalServerError"),
        refusal("TransactionCanceledException", "None", "TransactionConflict"),
        refusal("TransactionCanceledException", "ThrottlingError"),
    ],
    ids=str,
)
def test_what_may_pass_is_tried_again_and_ends_in_a_name(error: ClientError) -> None:
    client, table, pauses = failing(*[error] * (ATTEMPTS - 1), {})
    table.put({"pk": "one"})
    assert len(pauses) == ATTEMPTS - 1
    assert all(0 <= pause <= 0.05 * 2**attempt for attempt, pause in enumerate(pauses))
    client, table, pauses = failing(*[error] * ATTEMPTS)
    with pytest.raises(Throttled):
        table.put({"pk": "one"})
    assert client.answers == []


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (refusal("ConditionalCheckFailedException"), ConditionFailed),
        (refusal("TransactionCanceledException", "ConditionalCheckFailed"), ConditionFailed),
        (
            refusal(
                "TransactionCanceledException", "TransactionConflict", "ConditionalCheckFailed"
            ),
            ConditionFailed,
        ),
        (refusal("TransactionCanceledException", "ValidationError"), ClientError),
        (refusal("ValidationException"), ClientError),
        (ReadTimeoutError(endpoint_url="https://dynamodb"), OSError),
    ],
    ids=str,
)
def test_what_stays_is_told_at_once(error: Exception, named: type[Exception]) -> None:
    _, table, pauses = failing(error)
    with pytest.raises(named):
        table.put({"pk": "one"})
    assert pauses == []


def test_what_a_batch_left_undone_is_done_again() -> None:
    item, key = encode_item({"pk": "one"}), encode_item({"pk": "two"})
    left = {"table": {"Keys": [key]}}
    client, table, pauses = failing(
        {"Responses": {"table": [item]}, "UnprocessedKeys": left},
        {"Responses": {"table": [key]}, "UnprocessedKeys": {}},
    )
    assert table.get_many([{"pk": "one"}, {"pk": "two"}]) == [{"pk": "one"}, {"pk": "two"}]
    assert client.asked[1]["RequestItems"]["table"]["Keys"] == [key]
    undone = {"table": [{"PutRequest": {"Item": item}}]}
    client, table, pauses = failing({"UnprocessedItems": undone}, {"UnprocessedItems": {}})
    table.write_many([{"pk": "one"}, {"pk": "two"}])
    assert client.asked[1]["RequestItems"] == undone
    assert len(pauses) == 1


def test_what_a_batch_leaves_undone_to_the_end_has_a_name() -> None:
    item = encode_item({"pk": "one"})
    undone = {"UnprocessedItems": {"table": [{"PutRequest": {"Item": item}}]}}
    client, table, _ = failing(*[undone] * ATTEMPTS)
    with pytest.raises(Throttled):
        table.write_many([{"pk": "one"}])
    left = {"Responses": {}, "UnprocessedKeys": {"table": {"Keys": [item]}}}
    client, table, _ = failing(*[left] * ATTEMPTS)
    with pytest.raises(Throttled):
        table.get_many([{"pk": "one"}])
    assert client.answers == []
