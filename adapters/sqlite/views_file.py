"""The SQLite file of all views, the command index and the consumers' progress: its tables, opening
it, and adopting views that were rebuilt in another file."""

from collections.abc import Sequence
from pathlib import Path

from adapters.sqlite.database import Database
from adapters.sqlite.progress import SCHEMA as PROGRESS_SCHEMA

FORMAT = 3
"""Format of the tables and of what is in them: the file's `user_version`. A file of another format
is rebuilt. Format 2 had no index of people."""

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
"""`places` has `rows.listed` by name: most rows are under no name, and an index of `rows`, even a
partial one, would make each write of a message slower."""
INDEX = """
CREATE TABLE IF NOT EXISTS commands (
    log TEXT NOT NULL, segment INTEGER NOT NULL, prints BLOB NOT NULL, PRIMARY KEY (log, segment)
) WITHOUT ROWID;
"""
OLD_TABLES = ("rooms", "messages", "members", "people", "marks")
"""Tables of format 0, which had no number; `commands` and the consumers' progress are unchanged."""
TABLES = ("heads", "rows", "places")


def open_views(path: Path, projections: Sequence[str] = ()) -> Database:
    """Opens the file that holds views and progress.

    Parameters ---------- projections: consumers that fold the views. In a file of another format
    they start again: its rows are dropped.
    """
    database = Database(path, PROGRESS_SCHEMA + INDEX, "NORMAL")
    with database.writing() as connection:
        (format,) = connection.execute("PRAGMA user_version").fetchone()
        if format != FORMAT:
            for table in (*OLD_TABLES, *TABLES):
                connection.execute(f"DROP TABLE IF EXISTS {table}")
            for consumer in projections:
                # Parked events stay parked until they are redriven: normally they fail again.
                connection.execute("DELETE FROM positions WHERE consumer=?", (consumer,))
            for statement in SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={FORMAT}")
    return database


def adopt(database: Database, path: Path, projections: Sequence[str]) -> None:
    """Replaces a file's views by those of another file, in one transaction, with the positions and
    the parked events of the consumers that folded them."""
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
