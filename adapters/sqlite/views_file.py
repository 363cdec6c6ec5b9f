"""The SQLite file of all views, the command index and the consumers' progress: its tables, opening
it, and taking over what was rebuilt in another."""

from collections.abc import Sequence
from pathlib import Path

from adapters.sqlite.database import Database
from adapters.sqlite.progress import SCHEMA as PROGRESS_SCHEMA

FORMAT = 2
"""Of the tables: the file's `user_version`. A file of another format is folded anew."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS heads (
    stream TEXT PRIMARY KEY, version INTEGER NOT NULL, fields BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rows (
    stream TEXT NOT NULL, key TEXT NOT NULL, n INTEGER, document BLOB NOT NULL, listed TEXT,
    PRIMARY KEY (stream, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS places (
    name TEXT NOT NULL, stream TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (name, stream, key)
) WITHOUT ROWID;
"""
"""`places` has what `rows.listed` says, by name: most rows are under none, and an index of `rows`,
a partial one too, would make each write of a message dearer."""
INDEX = """
CREATE TABLE IF NOT EXISTS commands (
    log TEXT NOT NULL, segment INTEGER NOT NULL, prints BLOB NOT NULL, PRIMARY KEY (log, segment)
) WITHOUT ROWID;
"""
OLD_TABLES = ("rooms", "messages", "members", "people", "marks")
"""Of format 0, which did not say so; `commands` and the consumers' progress are as they were."""
TABLES = ("heads", "rows", "places")


def open_views(path: Path, projections: Sequence[str] = ()) -> Database:
    """Opens the file that holds views and progress.

    Parameters
    ----------
    projections: consumers that fold the views. They begin anew in a file of another format: its
        rows are dropped.
    """
    database = Database(path, PROGRESS_SCHEMA + INDEX, "NORMAL")
    with database.writing() as connection:
        (format,) = connection.execute("PRAGMA user_version").fetchone()
        if format != FORMAT:
            for table in (*OLD_TABLES, *TABLES):
                connection.execute(f"DROP TABLE IF EXISTS {table}")
            for consumer in projections:
                # What is parked stays so until it is redriven: it fails again, as a rule.
                connection.execute("DELETE FROM positions WHERE consumer=?", (consumer,))
            for statement in SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={FORMAT}")
    return database


def adopt(database: Database, path: Path, projections: Sequence[str]) -> None:
    """Puts the views of another file in place of a file's own, in one transaction, with the
    positions and the parked events of the consumers that folded them."""
    with database.attached(path, "rebuilt"), database.writing() as connection:
        for table in TABLES:
            connection.execute(f"DELETE FROM main.{table}")
            connection.execute(f"INSERT INTO main.{table} SELECT * FROM rebuilt.{table}")
        for table in ("positions", "parked"):
            for consumer in projections:
                connection.execute(f"DELETE FROM main.{table} WHERE consumer=?", (consumer,))
                connection.execute(
                    f"INSERT INTO main.{table} SELECT * FROM rebuilt.{table} WHERE consumer=?",
                    (consumer,),
                )
