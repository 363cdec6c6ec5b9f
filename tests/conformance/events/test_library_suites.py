"""The event stores under the library's own suites."""

import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar
from uuid import uuid4

import pytest
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
)
from eventsourcing.tests.persistence import AggregateRecorderTestCase, ApplicationRecorderTestCase

from adapters.dynamodb.events import DynamoEvents, DynamoRecorder
from adapters.dynamodb.snapshots import DynamoSnapshots
from adapters.dynamodb.table import Table
from adapters.memory.events import MemoryEvents, MemorySnapshots
from adapters.sqlite.events import SqliteEvents
from tests.support.dynamodb import engine_of


class Strings:
    """Our ids are strings: the library's suites try UUIDs unless they are told."""

    def new_originator_id(self) -> str:
        return str(uuid4())


class InAFolder(Strings):
    def setUp(self) -> None:
        self.folder = TemporaryDirectory()
        self.store = SqliteEvents(Path(self.folder.name) / "events.db")

    def tearDown(self) -> None:
        # The library's suite tells its readers to stop and does not wait for them; a connection
        # that is closed under a thread takes the whole process down.
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join(10)
        self.store.close()
        self.folder.cleanup()


class TestMemoryEvents(Strings, ApplicationRecorderTestCase[ApplicationRecorder]):
    def create_recorder(self) -> ApplicationRecorder:
        return MemoryEvents()


class TestMemorySnapshots(Strings, AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return MemorySnapshots()


class TestSqliteEvents(InAFolder, ApplicationRecorderTestCase[ApplicationRecorder]):
    def create_recorder(self) -> ApplicationRecorder:
        return self.store.events


class TestSqliteSnapshots(InAFolder, AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return self.store.snapshots


class OnDynamo(Strings):
    engine: ClassVar[str]
    recorder: ClassVar[type[DynamoRecorder]]
    table: ClassVar[str]

    @pytest.fixture(autouse=True)
    def _open(self, request: pytest.FixtureRequest, no_scan: None) -> None:
        client, tables = engine_of(request, self.engine)
        self.opened = self.recorder(Table(client, tables[self.table]))

    def create_recorder(self) -> AggregateRecorder:
        return self.opened


class TestDynamoEvents(OnDynamo, AggregateRecorderTestCase):
    engine, recorder, table = "moto", DynamoEvents, "events"


class TestDynamoSnapshots(OnDynamo, AggregateRecorderTestCase):
    engine, recorder, table = "moto", DynamoSnapshots, "snapshots"


class TestDynamoLocalEvents(OnDynamo, AggregateRecorderTestCase):
    engine, recorder, table = "dynamodb-local", DynamoEvents, "events"


class TestDynamoLocalSnapshots(OnDynamo, AggregateRecorderTestCase):
    engine, recorder, table = "dynamodb-local", DynamoSnapshots, "snapshots"


# The suites are collected as the classes above, not as themselves.
del AggregateRecorderTestCase, ApplicationRecorderTestCase
