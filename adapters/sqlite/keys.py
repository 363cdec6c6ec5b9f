"""Wrapped keys. A destroyed key's bytes are overwritten; a tombstone remains."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson

from adapters.sqlite.database import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (user TEXT PRIMARY KEY, wrapped BLOB) WITHOUT ROWID;
"""


class SqliteKeys:
    def __init__(self, path: Path) -> None:
        self.database = Database(path, SCHEMA, "FULL", secure_delete=True)

    def wrapped(self, user: str) -> bytes | None:
        row = self.database.row("SELECT wrapped FROM keys WHERE user=?", (user,))
        return row[0] if row else None

    def wrapped_many(self, users: Sequence[str]) -> dict[str, bytes]:
        rows = self.database.rows(
            "SELECT user, wrapped FROM keys WHERE wrapped IS NOT NULL"
            " AND user IN (SELECT value FROM json_each(?))",
            (orjson.dumps(users).decode(),),
        )
        return dict(rows)

    def some(self) -> tuple[str, bytes] | None:
        """Returns any person's wrapped key; None if there is none."""
        row = self.database.row("SELECT user, wrapped FROM keys WHERE wrapped IS NOT NULL LIMIT 1")
        return (row[0], row[1]) if row else None

    def add(self, keys: Mapping[str, bytes]) -> None:
        with self.database.writing() as connection:
            connection.executemany("INSERT OR IGNORE INTO keys VALUES (?,?)", list(keys.items()))

    def destroy(self, user: str) -> bool:
        had = self.wrapped(user) is not None
        with self.database.writing() as connection:
            connection.execute(
                "INSERT INTO keys VALUES (?,NULL) ON CONFLICT (user) DO UPDATE SET wrapped=NULL",
                (user,),
            )
        # The write-ahead log would keep the key's old page until the next checkpoint.
        self.database.truncate_log()
        return had

    def close(self) -> None:
        self.database.close()
