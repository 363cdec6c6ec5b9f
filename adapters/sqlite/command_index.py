"""Index of a log's commands in SQLite: finds late retries without reading the log."""

from collections.abc import Mapping

from adapters.sqlite.database import Database


class SqliteCommandIndex:
    """Implements the CommandIndex port in the views' file, because appends to the log do not wait
    for its writer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def entries(self, log_id: str, low: int, high: int) -> dict[int, bytes]:
        rows = self._database.rows(
            "SELECT segment, prints FROM commands WHERE log=? AND segment>? AND segment<=?",
            (log_id, low, high),
        )
        return dict(rows)

    def keep(self, log_id: str, entries: Mapping[int, bytes]) -> None:
        with self._database.writing() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO commands VALUES (?,?,?)",
                [(log_id, number, prints) for number, prints in entries.items()],
            )
