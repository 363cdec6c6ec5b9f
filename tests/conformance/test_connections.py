"""The Connections port.

Over 300 lines: one port, and every adapter is held to all of it.
"""

import zlib
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import pytest

from adapters.dynamodb.connections import LIFETIME, STALE, YOUNG, DynamoConnections
from adapters.dynamodb.table import Table
from adapters.memory.connections import MemoryConnections
from domain.ports.connections import Connection, Connections
from tests.support.dynamodb import ENGINES, counting, engine_of

ANN, ANN2, BOB = (Connection("a1", "u_ann", "s1"), Connection("a2", "u_ann", "s2"),
                  Connection("b1", "u_bob", "s3"))  # fmt: skip

NOW = 1_000_000.0


@pytest.fixture(params=["memory", *ENGINES])
def connections(request: pytest.FixtureRequest) -> Connections:
    made: Connections = MemoryConnections()
    if request.param in ENGINES:
        client, tables = engine_of(request, request.param)
        made = DynamoConnections(Table(client, tables["connections"]))
        request.getfixturevalue("no_scan")
    for connection in (ANN, ANN2, BOB):
        made.open(connection)
    return made


def test_connections_are_found_by_person_and_session(connections: Connections) -> None:
    assert connections.of_user("u_ann") == ["a1", "a2"]
    assert connections.of_user("u_eve") == []
    assert connections.of_session("u_ann", "s2") == ["a2"]
    assert connections.of_session("u_ann", "s9") == []


def test_subscribing_tells_a_persons_first(connections: Connections) -> None:
    assert connections.subscribe("a1", "lobby") is True
    assert connections.subscribe("a1", "lobby") is False
    assert connections.subscribe("a2", "lobby") is False
    assert connections.subscribe("b1", "lobby") is True
    assert connections.subscribe("a1", "other") is True
    assert sorted(connections.in_room("lobby")) == ["a1", "a2", "b1"]
    assert list(connections.in_room("other")) == ["a1"]
    assert list(connections.in_room("nowhere")) == []


def test_an_unknown_connection_subscribes_to_nothing(connections: Connections) -> None:
    assert connections.subscribe("x9", "lobby") is False
    assert list(connections.in_room("lobby")) == []


def test_closing_forgets_all_about_a_connection(connections: Connections) -> None:
    for room in ("other", "lobby"):
        connections.subscribe("a1", room)
    connections.subscribe("a2", "lobby")
    assert connections.close("a1") == (ANN, ["lobby", "other"])
    assert connections.close("a1") is None
    assert connections.close("x9") is None
    assert list(connections.in_room("lobby")) == ["a2"]
    assert list(connections.in_room("other")) == []
    assert connections.of_user("u_ann") == ["a2"]
    assert connections.of_session("u_ann", "s1") == []
    assert connections.close("a2") == (ANN2, ["lobby"])
    assert connections.of_user("u_ann") == []


def test_unsubscribing_a_person_takes_all_their_connections(connections: Connections) -> None:
    for connection_id in ("a1", "a2", "b1"):
        connections.subscribe(connection_id, "lobby")
        connections.subscribe(connection_id, "other")
    connections.unsubscribe("u_ann", "lobby")
    connections.unsubscribe("u_ann", "lobby")
    connections.unsubscribe("u_eve", "lobby")
    assert list(connections.in_room("lobby")) == ["b1"]
    assert sorted(connections.in_room("other")) == ["a1", "a2", "b1"]
    assert connections.subscribe("a2", "lobby") is True
    assert connections.close("a1") == (ANN, ["other"])


def test_who_is_in_a_room(connections: Connections) -> None:
    connections.subscribe("a1", "lobby")
    connections.subscribe("a2", "lobby")
    assert connections.in_room_of("u_ann", "lobby") is True
    assert connections.in_room_of("u_bob", "lobby") is False
    connections.close("a1")
    assert connections.in_room_of("u_ann", "lobby") is True
    connections.close("a2")
    assert connections.in_room_of("u_ann", "lobby") is False


def test_online_names_each_person_once_up_to_the_limit(connections: Connections) -> None:
    for connection_id in ("a1", "a2", "b1"):
        connections.subscribe(connection_id, "lobby")
    assert sorted(connections.online("lobby", 100)) == ["u_ann", "u_bob"]
    assert len(connections.online("lobby", 1)) == 1
    assert connections.online("nowhere", 100) == []


def test_answers_are_copies(connections: Connections) -> None:
    connections.subscribe("a1", "lobby")
    before = connections.in_room("lobby")
    connections.subscribe("b1", "lobby")
    assert list(before) == ["a1"]


def test_opening_again_changes_nothing(connections: Connections) -> None:
    connections.subscribe("a1", "lobby")
    connections.open(ANN)
    assert connections.of_user("u_ann") == ["a1", "a2"]
    assert list(connections.in_room("lobby")) == ["a1"]
    assert connections.close("a1") == (ANN, ["lobby"])


def test_who_saw_a_later_version_stays(connections: Connections) -> None:
    """Who was removed at 5 and came back has synced at 7 or later since."""
    connections.subscribe("a1", "lobby", 3)
    connections.subscribe("a2", "lobby", 7)
    connections.unsubscribe("u_ann", "lobby", before=5)
    assert list(connections.in_room("lobby")) == ["a2"]
    connections.subscribe("a2", "lobby", 4)
    connections.unsubscribe("u_ann", "lobby", before=7)
    assert list(connections.in_room("lobby")) == ["a2"]
    connections.unsubscribe("u_ann", "lobby", before=8)
    assert list(connections.in_room("lobby")) == []


def test_closing_what_is_unknown_takes_it_out_of_the_room_where_it_was_met(
    connections: Connections,
) -> None:
    connections.subscribe("a1", "lobby")
    assert connections.close("x9", "lobby") is None
    assert list(connections.in_room("lobby")) == ["a1"]


@pytest.mark.parametrize("of", [1, 2, 4, 256])
def test_shards_are_disjoint_and_have_all_between_them(connections: Connections, of: int) -> None:
    # With the first and the last place of a quarter, where DynamoDB's rows are cut.
    edges = (
        next(f"e{n}" for n in count() if part_of(f"e{n}") == place) for place in (64, 127, 128)
    )
    ids = {*(f"c{n}" for n in range(12)), *edges}
    for id in ids:
        connections.open(Connection(id, "u_ann", "s1"))
        connections.subscribe(id, "lobby", 1)
    wanted = range(of) if of < 10 else {part_of(id) for id in ids}
    parts = [list(connections.in_room("lobby", (part, of))) for part in wanted]
    assert sorted(one for part in parts for one in part) == sorted(ids)
    if of == 4:
        connections.unsubscribe("u_ann", "lobby", before=2, shard=(1, 4))
        left = {*ids} - {*parts[1]}
        assert set(connections.in_room("lobby")) == left


def part_of(connection_id: str) -> int:
    return zlib.crc32(connection_id.encode()) % 256


def test_some_of_a_room_tell_how_many_there_are(connections: Connections) -> None:
    assert connections.some_in_room("lobby", 3) == ([], 0)
    for id in ("a1", "a2", "b1"):
        connections.subscribe(id, "lobby")
    found, about = connections.some_in_room("lobby", 3)
    assert (sorted(found), about) == (["a1", "a2", "b1"], 3)
    found, about = connections.some_in_room("lobby", 2)
    assert len(found) == 2
    assert set(found) < {"a1", "a2", "b1"}
    assert about > 2


# DynamoDB alone


class Time:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def stored(dynamo: Any, tables: Mapping[str, str], time: Time) -> DynamoConnections:
    made = DynamoConnections(Table(dynamo, tables["connections"]), time)
    for connection in (ANN, ANN2, BOB):
        made.open(connection)
    return made


def rows(client: Any, tables: Mapping[str, str]) -> set[tuple[str, str]]:
    items = client.scan(TableName=tables["connections"])["Items"]
    return {(item["pk"]["S"], item["sk"]["S"]) for item in items}


def test_what_is_over_is_not_seen_though_it_is_there(stored: DynamoConnections, time: Time) -> None:
    stored.subscribe("a1", "lobby")
    time.now += LIFETIME - 1
    assert list(stored.in_room("lobby")) == ["a1"]
    time.now += 1
    assert list(stored.in_room("lobby")) == []
    assert stored.some_in_room("lobby", 3) == ([], 0)
    assert stored.of_user("u_ann") == stored.of_session("u_ann", "s1") == []
    assert stored.in_room_of("u_ann", "lobby") is False
    assert stored.online("lobby", 10) == []
    assert stored.subscribe("a1", "other") is False
    stored.open(Connection("a3", "u_ann", "s1"))
    assert stored.subscribe("a3", "lobby") is True


def test_what_is_over_hides_nobody(stored: DynamoConnections, time: Time) -> None:
    stored.subscribe("a1", "lobby")
    time.now += LIFETIME
    for n in range(3):
        stored.open(Connection(f"c{n}", "u_cy", "s4"))
        stored.subscribe(f"c{n}", "lobby")
    assert stored.some_in_room("lobby", 3)[1] == 3


def test_closing_leaves_nothing(
    stored: DynamoConnections, dynamo: Any, tables: Mapping[str, str]
) -> None:
    for one in (ANN, ANN2, BOB):
        stored.subscribe(one.id, "lobby", 4)
        stored.subscribe(one.id, "other", 4)
    for one in (ANN, ANN2, BOB):
        stored.close(one.id)
    assert rows(dynamo, tables) == set()


def racing(
    monkeypatch: pytest.MonkeyPatch, method: str, call: int, meanwhile: Callable[[], object]
) -> None:
    """Has `meanwhile` happen before the n-th call of a table's method."""
    real, calls = getattr(Table, method), []

    def raced(*given: Any, **named: Any) -> Any:
        calls.append(method)
        if len(calls) == call:
            meanwhile()
        return real(*given, **named)

    monkeypatch.setattr(Table, method, raced)


@pytest.mark.parametrize(("method", "call"), [("update", 1), ("put", 1), ("get_many", 1)])
@pytest.mark.parametrize("how", ["close", "unsubscribe"])
def test_a_subscription_that_races_with_its_end_leaves_nothing_half(
    stored: DynamoConnections,
    dynamo: Any,
    tables: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    call: int,
    how: str,
) -> None:
    def end() -> None:
        if how == "close":
            stored.close("a1")
        else:
            stored.unsubscribe("u_ann", "lobby")

    before = rows(dynamo, tables)
    racing(monkeypatch, method, call, end)
    subscribed = stored.subscribe("a1", "lobby", 3)
    left = rows(dynamo, tables)
    if how == "close":
        assert not subscribed
        assert left == before - {("C#a1", "C"), ("U#u_ann", "C#a1")}
    else:
        assert len(left - before) in (0, 2), "of a subscription both items or none"


def test_a_removal_that_races_with_coming_back_takes_nobody_out(
    stored: DynamoConnections, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored.subscribe("a1", "lobby", 3)
    racing(monkeypatch, "call", 2, lambda: stored.subscribe("a1", "lobby", 9))
    stored.unsubscribe("u_ann", "lobby", before=7)
    assert list(stored.in_room("lobby")) == ["a1"]
    assert stored.in_room_of("u_ann", "lobby") is True


def test_a_row_that_outlived_its_connection_goes_when_it_is_met(
    stored: DynamoConnections, dynamo: Any, tables: Mapping[str, str]
) -> None:
    stored.subscribe("a1", "lobby")
    dynamo.delete_item(TableName=tables["connections"], Key={"pk": {"S": "C#a1"}, "sk": {"S": "C"}})
    assert list(stored.in_room("lobby")) == ["a1"]
    assert stored.close("a1", "lobby") is None
    assert list(stored.in_room("lobby")) == []


def test_young_connections(stored: DynamoConnections, time: Time) -> None:
    assert sorted(stored.young(["a1", "b1", "a1", "x9"])) == ["a1", "b1"]
    time.now += YOUNG
    assert list(stored.young(["a1"])) == []


def test_stale_connections(stored: DynamoConnections, time: Time) -> None:
    stored.subscribe("a1", "lobby")
    time.now += STALE
    assert list(stored.stale()) == []
    stored.open(Connection("c1", "u_cy", "s4"))
    time.now += 1
    assert sorted(stored.stale()) == ["a1", "a2", "b1"]


def test_a_room_is_estimated_from_its_first_rows(stored: DynamoConnections) -> None:
    for n in range(300):
        stored._table.put(
            {"pk": "R#lobby", "sk": f"{part_of(f'c{n}'):02x}#c{n}", "expires": NOW + 1}
        )
    found, about = stored.some_in_room("lobby", 100)
    assert len(found) == 100
    assert 220 < about < 400


def test_calls_that_a_batch_and_a_subscription_cost(stored: DynamoConnections, dynamo: Any) -> None:
    with counting(dynamo) as calls:
        stored.subscribe("a1", "lobby", 3)
    assert calls == ["GetItem", "Query", "UpdateItem", "PutItem", "BatchGetItem"]
    with counting(dynamo) as calls:
        stored.some_in_room("lobby", 500)
        stored.subscribe("a1", "other", 3)
    assert calls == ["Query", "Query", "UpdateItem", "PutItem", "BatchGetItem"]
