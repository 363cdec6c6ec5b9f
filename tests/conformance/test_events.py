"""The event stores, under the library's own suites and ours."""

import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    IntegrityError,
    StoredEvent,
)
from eventsourcing.tests.persistence import AggregateRecorderTestCase, ApplicationRecorderTestCase

from adapters.memory.events import MemoryEvents, MemorySnapshots
from adapters.sqlite.events import SqliteEvents


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


# The suites are collected as the classes above, not as themselves.
del AggregateRecorderTestCase, ApplicationRecorderTestCase


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


def event(version: int, log_id: str = "lobby") -> StoredEvent:
    return StoredEvent(
        originator_id=log_id,
        originator_version=version,
        topic="room.message-posted",
        state=b'{"n":%d}' % version,
    )


def versions(store: SqliteEvents, log_id: str = "lobby") -> list[int]:
    return [stored.originator_version for stored in store.events.select_events(log_id)]


def test_an_append_is_seen_once_it_is_committed(path: Path) -> None:
    store, other = SqliteEvents(path), SqliteEvents(path)
    append = store.begin()
    assert list(append.insert([event(1), event(2), event(1, "other")], [])) == [1, 2, 3]
    assert versions(other) == []
    append.commit()
    assert versions(other) == [1, 2]
    assert [n.id for n in other.events.select_notifications(1, 10)] == [1, 2, 3]
    store.close()
    other.close()


def test_an_append_keeps_snapshots_with_its_events(path: Path) -> None:
    store = SqliteEvents(path)
    append = store.begin()
    append.insert([event(1)], [event(1)])
    append.commit()
    assert [s.originator_version for s in store.snapshots.select_events("lobby")] == [1]
    store.close()


def test_a_conflict_leaves_nothing_and_the_writer_usable(path: Path) -> None:
    store = SqliteEvents(path)
    for _ in range(3):
        append = store.begin()
        with pytest.raises(IntegrityError):
            append.insert([event(1), event(1)], [])
        assert versions(store) == []
    append = store.begin()
    append.insert([event(1)], [])
    append.commit()
    append = store.begin()
    with pytest.raises(IntegrityError):
        append.insert([event(1, "other"), event(2), event(1)], [event(2)])
    assert (versions(store), versions(store, "other")) == ([1], [])
    assert list(store.snapshots.select_events("lobby")) == []
    store.events.insert_events([event(2)])
    assert versions(store) == [1, 2]
    store.close()


def test_a_snapshot_that_exists_takes_its_events_back(path: Path) -> None:
    store = SqliteEvents(path)
    store.snapshots.insert_events([event(1)])
    append = store.begin()
    with pytest.raises(IntegrityError):
        append.insert([event(1)], [event(1)])
    assert versions(store) == []
    store.close()


def test_what_was_not_committed_is_gone_after_a_restart(path: Path) -> None:
    store = SqliteEvents(path)
    store.events.insert_events([event(1)])
    append = store.begin()
    append.insert([event(2)], [])
    append._connection._sqlite_conn.close()  # what the end of the process does
    store.close()
    again = SqliteEvents(path)
    assert versions(again) == [1]
    again.close()


def test_every_commit_reaches_the_disk(path: Path) -> None:
    store = SqliteEvents(path)
    append = store.begin()
    settings = {
        name: append._connection._sqlite_conn.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous")
    }
    assert settings == {"journal_mode": "wal", "synchronous": 2}
    append.insert([event(1)], [])
    append.commit()
    store.close()


def test_notification_ids_go_on_after_a_restart(path: Path) -> None:
    store = SqliteEvents(path)
    store.events.insert_events([event(1), event(2)])
    store.close()
    again = SqliteEvents(path)
    assert again.events.insert_events([event(3)]) == [3]
    assert again.events.max_notification_id() == 3
    again.close()
