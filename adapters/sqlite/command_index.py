"""Which commands a log has, in SQLite: late retries are found without reading the log."""

from collections.abc import Mapping

from adapters.sqlite.database import Database


class SqliteCommandIndex:
    """Implements the CommandIndex port in the views' file, whose writer nobody waits for who
    appends to the log."""

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
