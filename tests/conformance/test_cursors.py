"""The Cursors port."""

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from adapters.dynamodb.cursors import LIFETIME, DynamoCursors
from adapters.dynamodb.table import Table
from domain.claiming import ProcessCursors
from domain.ports.consumers import Cursors
from tests.support.dynamodb import ENGINES, LosingClient, counting, engine_of


@pytest.fixture(params=["memory", *ENGINES])
def cursors(request: pytest.FixtureRequest) -> Cursors:
    if request.param == "memory":
        return ProcessCursors()
    client, tables = engine_of(request, request.param)
    request.getfixturevalue("no_scan")
    return DynamoCursors(Table(client, tables["progress"]))


def test_a_cursor_begins_with_what_comes(cursors: Cursors) -> None:
    assert cursors.advance("a", 7, 9) is None
    assert cursors.advance("a", 10, 10) is None
    assert cursors.advance("b", 1, 2) is None


def test_a_cursor_moves_from_where_it_stands_alone(cursors: Cursors) -> None:
    cursors.advance("a", 1, 3)
    assert cursors.advance("a", 1, 3) == 3
    assert cursors.advance("a", 3, 4) == 3
    assert cursors.advance("a", 6, 8) == 3
    assert cursors.advance("a", 4, 8) is None
    assert cursors.advance("a", 4, 4) == 8


def test_a_move_is_taken_back_unless_another_came_after(cursors: Cursors) -> None:
    cursors.advance("a", 1, 3)
    cursors.retreat("a", 1, 3)
    assert cursors.advance("a", 1, 2) is None
    cursors.advance("a", 3, 5)
    cursors.retreat("a", 1, 2)
    assert cursors.advance("a", 4, 4) == 5
    cursors.retreat("b", 1, 3)
    assert cursors.advance("b", 5, 5) is None


def test_a_move_in_order_is_one_write(dynamo: Any, tables: Mapping[str, str]) -> None:
    cursors = DynamoCursors(Table(dynamo, tables["progress"]), clock=lambda: 1_000.5)
    with counting(dynamo) as calls:
        cursors.advance("deliver#lobby", 1, 3)
        cursors.advance("deliver#lobby", 4, 4)
    assert calls == ["UpdateItem"] * 2
    (item,) = dynamo.scan(TableName=tables["progress"])["Items"]
    assert item["expires"] == {"N": str(1_001 + int(LIFETIME))}


FAULT = ClientError({"Error": {"Code": "InternalServerError"}}, "UpdateItem")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("lost", [None, FAULT], ids=["botocore retries", "the table retries"])
def test_a_move_whose_answer_is_lost_is_this_call_s_own(
    request: pytest.FixtureRequest, engine: str, lost: Exception | None
) -> None:
    client, tables = engine_of(request, engine)
    losing = LosingClient(client, "update_item", lost)
    cursors = DynamoCursors(Table(losing, tables["progress"], lambda seconds: None))
    losing.loses = 1
    assert cursors.advance("a", 1, 3) is None, "an event counted as done that nobody handed on"
    losing.loses = 1
    assert cursors.advance("a", 4, 4) is None
    losing.loses = 1
    assert cursors.advance("a", 4, 4) == 4, "what another call did stays another's"


def test_a_move_that_may_have_happened_is_an_error(dynamo: Any, tables: Mapping[str, str]) -> None:
    losing = LosingClient(dynamo, "update_item", ReadTimeoutError(endpoint_url="here"))
    cursors = DynamoCursors(Table(losing, tables["progress"], lambda seconds: None))
    losing.loses = 1
    with pytest.raises(OSError, match="update_item"):
        cursors.advance("a", 1, 3)
    cursors.retreat("a", 1, 3)
    assert cursors.advance("a", 1, 3) is None


def test_memory_forgets_the_longest_unused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ProcessCursors, "SIZE", 2)
    cursors = ProcessCursors()
    for lane in ("a", "b"):
        cursors.advance(lane, 1, 1)
    cursors.advance("a", 2, 2)
    cursors.advance("c", 1, 1)
    assert cursors.advance("b", 9, 9) is None
    assert cursors.advance("c", 9, 9) == 1
