"""The SQLite file of all views, the command index and the consumers' progress: its tables, opening
it, and adopting views that were rebuilt in another file."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from sqlite3 import Connection

from adapters.sqlite.database import Database
from adapters.sqlite.progress import SCHEMA as PROGRESS_SCHEMA

FORMAT = 3
"""Format of the tables: the file's `user_version`. A file of another format is folded anew, as is
one that other projections folded (`folded_by`)."""

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
FOLDED_BY = """
CREATE TABLE IF NOT EXISTS folded_by (
    projection TEXT PRIMARY KEY, version INTEGER NOT NULL
) WITHOUT ROWID;
"""
"""The projections that folded the tables' content. A file without this table was written before
projections had versions."""
OLD_TABLES = ("rooms", "messages", "members", "people", "marks")
"""Tables of format 0, which had no number; `commands` and the consumers' progress are unchanged."""
TABLES = ("heads", "rows", "places")


def open_views(
    path: Path,
    consumers: Sequence[str] = (),
    projections: Mapping[str, int] | None = None,
    tell: Callable[[str], None] = lambda reason: None,
) -> Database:
    """Opens the file that holds views and progress.

    If the file has another format, or was folded by other projections, its rows are dropped and its
    consumers start again.

    Parameters
    ----------
    consumers: consumers that fold the views.
    projections: versions of the projections that they run, by name; None to accept any.
    tell: called with the reason if the views must be rebuilt.
    """
    database = Database(path, PROGRESS_SCHEMA + INDEX + FOLDED_BY, "NORMAL")
    with database.writing() as connection:
        reason = _stale(connection, projections)
        if reason is not None:
            for table in (*OLD_TABLES, *TABLES):
                connection.execute(f"DROP TABLE IF EXISTS {table}")
            for consumer in consumers:
                # Parked events stay parked until they are redriven: normally they fail again.
                connection.execute("DELETE FROM positions WHERE consumer=?", (consumer,))
            for statement in SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={FORMAT}")
            connection.execute("DELETE FROM folded_by")
            declared = list((projections or {}).items())
            connection.executemany("INSERT INTO folded_by VALUES (?,?)", declared)
    if reason is not None:
        tell(reason)
    return database


def _stale(connection: Connection, projections: Mapping[str, int] | None) -> str | None:
    """Returns why the file's views must be rebuilt; None if they need not be."""
    (format,) = connection.execute("PRAGMA user_version").fetchone()
    if format != FORMAT:
        found = connection.execute("SELECT 1 FROM sqlite_master WHERE name IN ('heads', 'rooms')")
        return f"format {format} is not {FORMAT}" if found.fetchone() else "the file is new"
    if projections is None:
        return None
    before = dict(connection.execute("SELECT projection, version FROM folded_by").fetchall())
    if before == projections:
        return None
    names = sorted({**before, **projections})
    changed = [name for name in names if before.get(name) != projections.get(name)]
    return f"these projections differ: {', '.join(changed)}"


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
