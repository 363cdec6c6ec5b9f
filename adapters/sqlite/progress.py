"""Feed positions and parked events."""

from collections.abc import Collection
from contextlib import AbstractContextManager

from adapters.sqlite.database import Database
from domain.ports.consumers import Parked

SCHEMA = """
CREATE TABLE IF NOT EXISTS positions (
    consumer TEXT PRIMARY KEY, position INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parked (
    consumer TEXT NOT NULL, stream TEXT NOT NULL, version INTEGER NOT NULL,
    reason TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (consumer, stream, version)
) WITHOUT ROWID;
"""


class SqliteProgress:
    """Implements the Progress port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def position(self, consumer: str) -> int:
        row = self._database.row("SELECT position FROM positions WHERE consumer=?", (consumer,))
        return row[0] if row else 0

    def advance(self, consumer: str, position: int) -> None:
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO positions VALUES (?,?)", (consumer, position)
            )

    def together(self) -> AbstractContextManager[object]:
        return self._database.writing()

    def park(self, parked: Parked) -> None:
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO parked VALUES (?,?,?,?,?)",
                (parked.consumer, parked.stream, parked.version, parked.reason, parked.at),
            )

    def parked(self) -> list[Parked]:
        rows = self._database.rows(
            "SELECT consumer, stream, version, reason, at FROM parked"
            " ORDER BY consumer, stream, version"
        )
        return [Parked(*row) for row in rows]

    def unpark(self, consumer: str, stream: str, upto: int, keep: Collection[int] = ()) -> None:
        healed = [
            (consumer, stream, parked.version)
            for parked in self.parked()
            if (parked.consumer, parked.stream) == (consumer, stream)
            and parked.version <= upto
            and parked.version not in keep
        ]
        with self._database.writing() as connection:
            connection.executemany(
                "DELETE FROM parked WHERE consumer=? AND stream=? AND version=?", healed
            )

    def forget(self, consumer: str) -> None:
        with self._database.writing() as connection:
            for table in ("positions", "parked"):
                connection.execute(f"DELETE FROM {table} WHERE consumer=?", (consumer,))
