"""What one person may ask of all processes together."""

from typing import Any

import pytest

from adapters.dynamodb.allowances import CHUNK, FREE_READS, LIFE, LIMIT, WINDOW, SharedAllowances
from adapters.dynamodb.table import Table
from adapters.memory.limiter import TokenBuckets
from tests.support.dynamodb import ENGINES, counting, engine_of

RATE = 300


class Time:
    """Begins where a window does."""

    now = 1_000 * WINDOW

    def __call__(self) -> float:
        return self.now


class Fleet:
    """Processes that share a table and a clock."""

    def __init__(self, client: Any, tables: dict[str, str], size: int) -> None:
        self.time = Time()
        self.client = client
        table = Table(client, tables["accounts"], pause=lambda _: None)
        self.processes = [
            SharedAllowances(TokenBuckets(RATE, clock=self.time), table, self.time)
            for _ in range(size)
        ]

    def spread(self, tries: int, user: str = "u_ann") -> int:
        """Returns how many of so many commands were let through, each by the next process."""
        return sum(self.processes[n % len(self.processes)].allow(user) for n in range(tries))


@pytest.fixture(params=ENGINES)
def store(request: pytest.FixtureRequest) -> tuple[Any, dict[str, str]]:
    return engine_of(request, request.param)


def test_many_processes_grant_no_more_than_one_minute_s_tokens(
    store: tuple[Any, dict[str, str]],
) -> None:
    """Before, 40 processes let 40 x 300 a minute through."""
    fleet = Fleet(*store, size=40)
    minutes, allowed = 3, 0
    for _ in range(minutes * 6):
        allowed += fleet.spread(400)
        fleet.time.now += 10
    assert allowed <= minutes * LIMIT
    assert allowed >= minutes * LIMIT * 0.6
    assert LIMIT <= RATE


def test_who_keeps_to_the_rate_is_not_refused_by_what_processes_hold(
    store: tuple[Any, dict[str, str]],
) -> None:
    fleet = Fleet(*store, size=40)
    for _ in range(4):
        # Two a second, each met by another process; and a hundred at once after a lost connection.
        assert fleet.spread(100) == 100
        fleet.time.now += WINDOW


def test_what_costs_too_much_refuses_nothing_that_costs_less(
    store: tuple[Any, dict[str, str]],
) -> None:
    client, tables = store
    table = Table(client, tables["accounts"], pause=lambda _: None)
    process = SharedAllowances(TokenBuckets(0), table, Time())
    assert all(process.allow("u_ann") for _ in range(LIMIT - 10))
    assert not process.allow("u_ann", CHUNK - 1)
    assert process.allow("u_ann")
    assert [process.allow("u_ann") for _ in range(10)] == [True] * 9 + [False]


def test_an_active_persons_commands_cost_a_write_in_thirty(
    store: tuple[Any, dict[str, str]],
) -> None:
    fleet = Fleet(*store, size=1)
    with counting(fleet.client) as called:
        assert fleet.spread(CHUNK) == CHUNK
        assert called == ["UpdateItem"]
        fleet.time.now += LIFE / 2
        assert fleet.spread(CHUNK) == CHUNK
    assert called == ["UpdateItem"] * 2


def test_a_slow_writer_lives_on_a_chunk(dynamo: Any, tables: dict[str, str]) -> None:
    fleet = Fleet(dynamo, tables, size=1)
    with counting(dynamo) as called:
        for _ in range(CHUNK - 1):
            assert fleet.spread(1) == 1
            fleet.time.now += 60
        assert called == ["UpdateItem"]
        fleet.time.now += LIFE
        assert fleet.spread(1) == 1
    assert called == ["UpdateItem"] * 2, "and a chunk does not last for ever"


def test_who_floods_costs_a_few_writes_a_minute(dynamo: Any, tables: dict[str, str]) -> None:
    fleet = Fleet(dynamo, tables, size=10)
    fleet.spread(LIMIT * 3)
    with counting(dynamo) as called:
        assert fleet.spread(1_000) == 0
    assert called == []


def test_a_cost_above_one_is_taken_whole_or_not_at_all(dynamo: Any, tables: dict[str, str]) -> None:
    fleet = Fleet(dynamo, tables, size=4)
    granted = sum(10 for n in range(200) if fleet.processes[n % 4].allow("u_ann", 10))
    assert granted == LIMIT
    fleet.time.now += WINDOW
    assert fleet.processes[0].allow("u_ann", 10_000), "no more than a chunk is ever asked"


def test_reads_cost_nothing_until_they_are_many(dynamo: Any, tables: dict[str, str]) -> None:
    fleet = Fleet(dynamo, tables, size=1)
    with counting(dynamo) as called:
        assert fleet.spread(FREE_READS, "reads:u_ann") == FREE_READS
        assert called == []
        fleet.spread(1, "reads:u_ann")
        assert called == ["UpdateItem"]


def test_reads_are_bounded_over_all_processes(dynamo: Any, tables: dict[str, str]) -> None:
    fleet = Fleet(dynamo, tables, size=10)
    assert fleet.spread(4_000, "reads:u_ann") <= LIMIT + 10 * FREE_READS
    assert fleet.spread(1) == 1, "what people write is apart"


def test_addresses_are_counted_by_processes_alone(dynamo: Any, tables: dict[str, str]) -> None:
    fleet = Fleet(dynamo, tables, size=1)
    with counting(dynamo) as called:
        assert fleet.spread(101, "from:192.0.2.1") == 100
    assert called == []


def test_where_the_table_does_not_answer_a_processs_own_allowance_counts(
    dynamo: Any, tables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = Fleet(dynamo, tables, size=1)

    def down(*_: Any, **__: Any) -> Any:
        raise OSError

    monkeypatch.setattr(Table, "call", down)
    assert fleet.spread(150) == 100


def test_counts_lapse(dynamo: Any, tables: dict[str, str]) -> None:
    fleet = Fleet(dynamo, tables, size=1)
    fleet.spread(1)
    (item,) = dynamo.scan(TableName=tables["accounts"])["Items"]
    assert item["pk"] == {"S": "rate#u_ann"}
    assert fleet.time.now + WINDOW < int(item["expires"]["N"]) <= fleet.time.now + 3 * WINDOW
