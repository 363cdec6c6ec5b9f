"""Events in SQLite: commits, conflicts, restarts."""

from pathlib import Path

import pytest
from eventsourcing.persistence import (
    IntegrityError,
)

from adapters.sqlite.events import SqliteEvents
from tests.conformance.events.streams import event, versions


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
    append = store.begin()
    append.insert([event(2), event(2, "other")], [event(2), event(2, "other")])
    assert [s.originator_version for s in store.snapshots.select_events("lobby")] == [1]
    append.commit()
    assert [s.originator_version for s in store.snapshots.select_events("lobby")] == [2]
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


@pytest.mark.parametrize("count", [1, 3, 4, 5, 63, 64, 65, 150])
def test_an_append_of_many_has_ids_in_its_order(path: Path, count: int) -> None:
    """However many rows an INSERT takes, also after rows of others."""
    store = SqliteEvents(path)
    store.events.insert_events([event(1, "other")])
    append = store.begin()
    ids = append.insert([event(version, "many") for version in range(1, count + 1)], [])
    append.commit()
    assert list(ids) == list(range(2, count + 2))
    read = store.events.select_notifications(2, count)
    assert [(one.id, one.originator_version) for one in read] == list(
        zip(ids, range(1, count + 1), strict=True)
    )
    again = store.begin()
    with pytest.raises(IntegrityError):
        again.insert([event(1, "new"), *(event(v, "many") for v in range(1, count + 1))], [])
    assert store.events.select_events("new") == []
    store.close()
