"""The rows of all views in one SQLite file. It can be deleted: it is rebuilt from the log."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from adapters.sqlite.database import Database
from adapters.sqlite.views_file import TABLES
from domain.projections.store import (
    FIRST,
    LAST,
    NUMBER,
    SAME,
    Document,
    Fold,
    Head,
    Patch,
    Span,
)

KEYS = """json_each(?) AS wanted CROSS JOIN"""
"""Begins a join over a JSON array of keys: one statement, however many keys."""
STREAM, KEY = "json_extract(wanted.value, '$[0]')", "json_extract(wanted.value, '$[1]')"
"""The parts of a key that is a pair."""
SPAN = {
    (newest, listed): "SELECT %s FROM rows WHERE stream=? AND key BETWEEN ? AND ?"
    f"{' AND listed IS NOT NULL' if listed else ''} ORDER BY key{' DESC' if newest else ''} LIMIT ?"
    for newest in (False, True)
    for listed in (False, True)
}
"""Statements by (newest, listed) of a Span."""
NEWEST = """
SELECT n FROM rows WHERE stream=? AND key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1
"""
UNLIST = f"""
DELETE FROM places WHERE (name, stream, key) IN (
    SELECT listed, stream, rows.key FROM {KEYS} rows
    WHERE stream = ? AND rows.key = wanted.value AND listed IS NOT NULL
)
"""
"""Takes rows that are written as a whole from their names; it finds each by its key."""
COUNT = """
INSERT INTO rows (stream, key, n, document) VALUES (?,?,?,'{}')
ON CONFLICT (stream, key) DO UPDATE SET n = excluded.n
"""


class SqliteStore:
    """Implements the ViewStore port.

    Parameters
    ----------
    database: shared with the consumers' progress, since both are dropped together.
    """

    spares_rows = False

    def __init__(self, database: Database) -> None:
        self._database = database

    # Reading

    def head(self, stream: str) -> Head:
        row = self._database.row("SELECT version, fields FROM heads WHERE stream=?", (stream,))
        return Head(row[0], orjson.loads(row[1])) if row else Head()

    def heads(self, streams: Sequence[str]) -> dict[str, Head]:
        rows = self._database.rows(
            f"SELECT stream, version, fields FROM {KEYS} heads WHERE stream = wanted.value",
            (_keys(streams),),
        )
        return {stream: Head(version, orjson.loads(fields)) for stream, version, fields in rows}

    def row(self, stream: str, key: str) -> Document | None:
        row = self._database.row(
            "SELECT document, n FROM rows WHERE stream=? AND key=?", (stream, key)
        )
        return _document(*row) if row else None

    def folded(self, stream: str, key: str) -> tuple[Document, int] | None:
        row = self._database.row(
            "SELECT document, n, version FROM rows JOIN heads USING (stream)"
            " WHERE stream=? AND key=?",
            (stream, key),
        )
        return (_document(row[0], row[1]), row[2]) if row else None

    def rows(self, places: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Document]:
        rows = self._database.rows(
            f"SELECT stream, rows.key, document, n FROM {KEYS} rows"
            f" WHERE stream = {STREAM} AND rows.key = {KEY}",
            (_keys(places),),
        )
        return {(stream, key): _document(document, n) for stream, key, document, n in rows}

    def span(self, span: Span) -> list[Document]:
        return [orjson.loads(row[0]) for row in self._span("document", span)]

    def keyed(self, span: Span) -> list[tuple[str, Document]]:
        return [(key, orjson.loads(row)) for key, row in self._span("key, document", span)]

    def _span(self, wanted: str, span: Span) -> list[tuple[Any, ...]]:
        stream, first, last, limit, newest, listed = span
        rows = self._database.rows(
            SPAN[newest, listed] % wanted, (stream, first, last, -1 if limit is None else limit)
        )
        if newest:
            rows.reverse()
        return rows

    def numbers(self, spans: Sequence[Span]) -> list[int | None]:
        rows = [self._database.row(NEWEST, span[:3]) for span in spans]
        return [row[0] if row else None for row in rows]

    def under(self, name: str, after: str = "", limit: int | None = None) -> list[str]:
        rows = self._database.rows(
            "SELECT DISTINCT stream FROM places WHERE name=? AND stream>? ORDER BY stream LIMIT ?",
            (name, after, -1 if limit is None else limit),
        )
        return [row[0] for row in rows]

    # Folding

    def base(self, stream: str) -> Head:
        return self.head(stream)

    def refresh(self, stream: str) -> None:
        """Nothing is cached."""

    def save(self, stream: str, expected: int, fold: Fold) -> bool:
        head = fold.head
        with self._database.writing() as connection:
            values = (head.version, orjson.dumps(dict(head.fields)), stream, expected)
            updated = connection.execute(
                "UPDATE heads SET version=?, fields=? WHERE stream=? AND version=?", values
            )
            if not updated.rowcount:
                if expected:
                    return False
                inserted = connection.execute(
                    "INSERT OR IGNORE INTO heads (version, fields, stream) VALUES (?,?,?)",
                    values[:3],
                )
                if not inserted.rowcount:
                    return False
            if fold.rows:
                connection.execute(UNLIST, (_keys(list(fold.rows)), stream))
                connection.executemany(
                    "INSERT OR REPLACE INTO rows VALUES (?,?,?,?,NULL)",
                    [
                        (stream, key, document.get(NUMBER), orjson.dumps(document))
                        for key, document in fold.rows.items()
                    ],
                )
            if fold.numbers:
                connection.executemany(
                    COUNT, [(stream, key, number) for key, number in fold.numbers.items()]
                )
            for patch in fold.patches:
                _patch(connection, stream, patch)
        return True

    def reset(self, stream: str) -> None:
        with self._database.writing() as connection:
            for table in TABLES:
                connection.execute(f"DELETE FROM {table} WHERE stream=?", (stream,))

    # Erasing

    def drop(self, stream: str, first: str = FIRST, last: str = LAST) -> None:
        with self._database.writing() as connection:
            for table in ("rows", "places"):
                connection.execute(
                    f"DELETE FROM {table} WHERE stream=? AND key BETWEEN ? AND ?",
                    (stream, first, last),
                )

    def amend(self, name: str, fields: Mapping[str, Any]) -> None:
        with self._database.writing() as connection:
            found = connection.execute("SELECT stream, key FROM places WHERE name=?", (name,))
            for stream, key in found.fetchall():
                _patch(connection, stream, Patch(key, fields))

    # For operators

    def every(self) -> Iterator[tuple[str, Head]]:
        for stream, version, fields in self._database.rows(
            "SELECT stream, version, fields FROM heads ORDER BY stream"
        ):
            yield stream, Head(version, orjson.loads(fields))

    def clear(self) -> None:
        with self._database.writing() as connection:
            for table in TABLES:
                connection.execute(f"DELETE FROM {table}")


def _document(text: bytes, n: int | None) -> Document:
    document: Document = orjson.loads(text)
    if n is not None:
        document[NUMBER] = n
    return document


def _patch(connection: Any, stream: str, patch: Patch) -> None:
    held = connection.execute(
        "SELECT document, n, listed FROM rows WHERE stream=? AND key=?", (stream, patch.key)
    ).fetchone()
    document, listed = (_document(*held[:2]), held[2]) if held else ({}, None)
    document.update(patch.fields)
    row = (stream, patch.key, document.get(NUMBER), orjson.dumps(document))
    if patch.under in (SAME, listed):
        connection.execute("INSERT OR REPLACE INTO rows VALUES (?,?,?,?,?)", (*row, listed))
    else:
        _place(connection, (*row, patch.under))


def _place(connection: Any, row: tuple[str, str, int | None, bytes, str | None]) -> None:
    """Writes a row that may change its name."""
    stream, key, under = row[0], row[1], row[-1]
    connection.execute(
        "DELETE FROM places WHERE (name, stream, key) IN"
        " (SELECT listed, stream, key FROM rows WHERE stream=? AND key=?)",
        (stream, key),
    )
    connection.execute("INSERT OR REPLACE INTO rows VALUES (?,?,?,?,?)", row)
    if under is not None:
        connection.execute("INSERT INTO places VALUES (?,?,?)", (under, stream, key))


def _keys(keys: Sequence[Any]) -> str:
    """Returns keys as the JSON array that KEYS takes."""
    return orjson.dumps(keys).decode()
