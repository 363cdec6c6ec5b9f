"""A SQLite file: what a transaction keeps where a part of it fails."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from eventsourcing.persistence import OperationalError

from adapters.sqlite.database import Database
from adapters.sqlite.views import SqliteStore
from adapters.sqlite.views_file import SCHEMA as VIEWS
from domain.projections.store import Fold, Head

SCHEMA = "CREATE TABLE IF NOT EXISTS kept (value TEXT NOT NULL) STRICT;"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "file.sqlite", SCHEMA, "NORMAL")
    yield opened
    opened.close()


def put(database: Database, value: str | None) -> None:
    with database.writing() as connection:
        connection.execute("INSERT INTO kept VALUES (?)", (value,))


def kept(database: Database) -> list[str]:
    return [value for (value,) in database.rows("SELECT value FROM kept ORDER BY rowid")]


class Halfway(Exception):
    pass


def test_a_part_that_fails_is_undone_alone(database: Database) -> None:
    with database.writing():
        put(database, "before")
        with pytest.raises(Halfway), database.writing():  # noqa: PT012
            put(database, "lost")
            raise Halfway
        put(database, "after")
    assert kept(database) == ["before", "after"]


def test_a_transaction_that_fails_is_undone_with_its_parts(database: Database) -> None:
    with pytest.raises(Halfway), database.writing():  # noqa: PT012
        put(database, "lost")
        raise Halfway
    assert kept(database) == []


def test_a_part_fails_as_a_transaction_does(database: Database) -> None:
    """Consumers try again what fails like this, and park what fails otherwise."""
    with database.writing() as connection:
        for _ in range(2):
            with pytest.raises(OperationalError), database.writing():
                connection.execute("INSERT INTO nowhere VALUES (1)")
        with pytest.raises(sqlite3.IntegrityError):
            put(database, None)
        put(database, "kept")
    assert kept(database) == ["kept"]


def test_nothing_is_written_alone_once_sqlite_undid_the_transaction(database: Database) -> None:
    """As it may where the disk is full: each statement would be committed alone."""
    with pytest.raises(OperationalError), database.writing() as connection:  # noqa: PT012
        put(database, "lost")
        connection.execute("ROLLBACK")
        with pytest.raises(OperationalError):
            put(database, "alone")
    assert kept(database) == []


def test_a_full_disk_loses_no_row_of_a_view(tmp_path: Path) -> None:
    """The head says that rows are there: neither is kept without the other."""
    file = Database(tmp_path / "views.sqlite", VIEWS, "NORMAL")
    store = SqliteStore(file)
    (pages,) = file.row("PRAGMA page_count") or (0,)
    with file.writing() as connection:
        connection.execute(f"PRAGMA max_page_count={pages + 4}")
    rows = {f"m#{number:04d}": {"text": "x" * 2_000} for number in range(40)}
    fold = Fold(Head(1, {}), rows, {}, ())
    with pytest.raises(OperationalError), file.writing():  # noqa: PT012
        with pytest.raises(OperationalError):
            store.save("R#lobby", 0, fold)
        # What the feed does next is a part of the same transaction.
        store.save("R#lobby", 0, Fold(Head(1, {}), {}, {}, ()))
    assert store.head("R#lobby").version == 0
    with file.writing() as connection:
        connection.execute("PRAGMA max_page_count=100000")
    assert store.save("R#lobby", 0, fold)
    assert len(store.rows([("R#lobby", key) for key in rows])) == 40
    file.close()
