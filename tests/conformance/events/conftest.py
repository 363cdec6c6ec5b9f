"""The event stores that the tests are held against."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.persistence import (
    AggregateRecorder,
)

from adapters.dynamodb.events import DynamoEvents
from adapters.dynamodb.snapshots import DynamoSnapshots
from adapters.dynamodb.table import Table
from adapters.memory.events import MemoryEvents, MemorySnapshots
from adapters.sqlite.events import SqliteEvents
from domain.log import Snapshots
from tests.support.dynamodb import ENGINES, engine_of


@pytest.fixture(params=["memory", "sqlite", *ENGINES])
def stores(
    request: pytest.FixtureRequest, tmp_path: Path, no_scan: None
) -> Iterator[tuple[AggregateRecorder, Snapshots]]:
    """Events and snapshots."""
    if request.param == "memory":
        yield MemoryEvents(), MemorySnapshots()
    elif request.param == "sqlite":
        store = SqliteEvents(tmp_path / "events.db")
        yield store.events, store.snapshots
        store.close()
    else:
        client, tables = engine_of(request, request.param)
        yield (
            DynamoEvents(Table(client, tables["events"])),
            DynamoSnapshots(Table(client, tables["snapshots"])),
        )


@pytest.fixture
def recorder(stores: tuple[AggregateRecorder, Snapshots]) -> AggregateRecorder:
    return stores[0]


@pytest.fixture
def snapshots(stores: tuple[AggregateRecorder, Snapshots]) -> Snapshots:
    return stores[1]


@pytest.fixture(params=ENGINES)
def stored(request: pytest.FixtureRequest, no_scan: None) -> tuple[Any, Table]:
    client, tables = engine_of(request, request.param)
    return client, Table(client, tables["events"])


@pytest.fixture(params=ENGINES)
def in_parts(request: pytest.FixtureRequest, no_scan: None) -> tuple[DynamoSnapshots, Table]:
    client, tables = engine_of(request, request.param)
    table = Table(client, tables["snapshots"])
    return DynamoSnapshots(table), table


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"
