"""Views in one SQLite file. It can be dropped: the log folds it anew."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from adapters.sqlite.database import Database
from adapters.sqlite.progress import SCHEMA as PROGRESS_SCHEMA
from domain.protocol.types import Sealed
from domain.room.view import Message, RoomView

SCHEMA = """
CREATE TABLE IF NOT EXISTS rooms (
    room TEXT PRIMARY KEY, version INTEGER NOT NULL, kind TEXT, header BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS rooms_listed ON rooms (room) WHERE kind IN ('public', 'broadcast');
CREATE TABLE IF NOT EXISTS messages (
    room TEXT NOT NULL, version INTEGER NOT NULL, n INTEGER NOT NULL, message BLOB NOT NULL,
    PRIMARY KEY (room, version)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS members (
    room TEXT NOT NULL, user TEXT NOT NULL, name BLOB, role TEXT, posted INTEGER NOT NULL,
    PRIMARY KEY (room, user)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS members_by_user ON members (user, room) WHERE role IS NOT NULL;
CREATE TABLE IF NOT EXISTS people (
    user TEXT PRIMARY KEY, version INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS marks (
    user TEXT NOT NULL, room TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (user, room)
) WITHOUT ROWID;
"""
INDEX = """
CREATE TABLE IF NOT EXISTS commands (
    log TEXT NOT NULL, segment INTEGER NOT NULL, prints BLOB NOT NULL, PRIMARY KEY (log, segment)
) WITHOUT ROWID;
"""
KEYS = """json_each(?) AS wanted CROSS JOIN"""
"""Begins a join over a JSON array of keys: one statement, however many keys."""
FIRST, SECOND = "json_extract(wanted.value, '$[0]')", "json_extract(wanted.value, '$[1]')"
"""Parts of a key that is a pair."""
TABLES = ("rooms", "messages", "members", "people", "marks")


class SqliteViews:
    """Implements the Views port.

    Parameters
    ----------
    database: shared with the consumers' progress, since both are dropped together.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def header(self, room: str) -> dict[str, Any] | None:
        row = self._database.row("SELECT header FROM rooms WHERE room=?", (room,))
        return orjson.loads(row[0]) if row else None

    def headers(self, rooms: Sequence[str]) -> dict[str, dict[str, Any]]:
        rows = self._database.rows(
            f"SELECT room, header FROM {KEYS} rooms WHERE room = wanted.value", (_keys(rooms),)
        )
        return {room: orjson.loads(header) for room, header in rows}

    def fold_base(self, room: str) -> dict[str, Any] | None:
        return self.header(room)

    def refresh(self, stream: str) -> None:
        """Nothing is remembered."""

    def message(self, room: str, version: int) -> Message | None:
        row = self._database.row(
            "SELECT message FROM messages WHERE room=? AND version=?", (room, version)
        )
        return orjson.loads(row[0]) if row else None

    def folded_message(self, room: str, version: int) -> tuple[Message, int] | None:
        row = self._database.row(
            "SELECT message, rooms.version FROM messages JOIN rooms USING (room)"
            " WHERE room=? AND messages.version=?",
            (room, version),
        )
        return (orjson.loads(row[0]), row[1]) if row else None

    def messages_at(self, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Message]:
        rows = self._database.rows(
            f"SELECT room, version, message FROM {KEYS} messages"
            f" WHERE room = {FIRST} AND version = {SECOND}",
            (_keys(keys),),
        )
        return {(room, version): orjson.loads(message) for room, version, message in rows}

    def page(self, room: str, before: int | None, limit: int) -> list[Message]:
        rows = self._database.rows(
            "SELECT message FROM messages WHERE room=? AND version<? ORDER BY version DESC LIMIT ?",
            (room, 2**53 if before is None else before, limit),
        )
        return [orjson.loads(row[0]) for row in reversed(rows)]

    def ordinal(self, room: str, version: int) -> int:
        row = self._database.row(
            "SELECT n FROM messages WHERE room=? AND version<=? ORDER BY version DESC LIMIT 1",
            (room, version),
        )
        return row[0] if row else 0

    def ordinals(self, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
        rows = self._database.rows(
            f"SELECT {FIRST}, {SECOND}, (SELECT n FROM messages"
            f" WHERE room = {FIRST} AND version <= {SECOND}"
            " ORDER BY version DESC LIMIT 1) FROM json_each(?) AS wanted",
            (_keys(keys),),
        )
        return {(room, version): n or 0 for room, version, n in rows}

    def member(self, room: str, user: str) -> dict[str, Any] | None:
        row = self._database.row(
            "SELECT name, role, posted FROM members WHERE room=? AND user=?", (room, user)
        )
        return {"name": _loads(row[0]), "role": row[1], "posted": row[2]} if row else None

    def members(self, room: str, after: str, limit: int) -> list[dict[str, Any]]:
        rows = self._database.rows(
            "SELECT user, name, role FROM members WHERE room=? AND user>? AND role IS NOT NULL"
            " ORDER BY user LIMIT ?",
            (room, after, limit),
        )
        return [{"user": user, "name": _loads(name), "role": role} for user, name, role in rows]

    def names(self, room: str, users: Sequence[str]) -> dict[str, Sealed]:
        return {user: name for (_, user), name in self.names_of([(room, u) for u in users]).items()}

    def names_of(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Sealed]:
        rows = self._database.rows(
            f"SELECT room, user, name FROM {KEYS} members WHERE room = {FIRST} AND user = {SECOND}",
            (_keys(keys),),
        )
        return {(room, user): _loads(name) for room, user, name in rows}

    def rooms_of(
        self, user: str, after: str = "", limit: int | None = None
    ) -> list[tuple[str, str, int]]:
        rows = self._database.rows(
            "SELECT room, role, posted FROM members"
            " WHERE user=? AND room>? AND role IS NOT NULL ORDER BY room LIMIT ?",
            (user, after, -1 if limit is None else limit),
        )
        return [(room, role, posted) for room, role, posted in rows]

    def roles_of(self, user: str, rooms: Sequence[str]) -> dict[str, str]:
        rows = self._database.rows(
            f"SELECT room, role FROM {KEYS} members"
            " WHERE user=? AND room = wanted.value AND role IS NOT NULL",
            (_keys(rooms), user),
        )
        return dict(rows)

    def listed_rooms(self, after: str = "", limit: int | None = None) -> list[str]:
        rows = self._database.rows(
            "SELECT room FROM rooms WHERE kind IN ('public', 'broadcast') AND room>?"
            " ORDER BY room LIMIT ?",
            (after, -1 if limit is None else limit),
        )
        return [row[0] for row in rows]

    def save_room(self, room: str, expected: int, view: RoomView) -> bool:
        header = view.header()
        with self._database.writing() as connection:
            values = (view.version, view.kind, orjson.dumps(header), room, expected)
            updated = connection.execute(
                "UPDATE rooms SET version=?, kind=?, header=? WHERE room=? AND version=?", values
            )
            if not updated.rowcount:
                if expected:
                    return False
                inserted = connection.execute(
                    "INSERT OR IGNORE INTO rooms (version, kind, header, room) VALUES (?,?,?,?)",
                    values[:4],
                )
                if not inserted.rowcount:
                    return False
            connection.executemany(
                "INSERT OR REPLACE INTO messages VALUES (?,?,?,?)",
                [
                    (
                        room,
                        version,
                        view.messages[version]["n"],
                        orjson.dumps(view.messages[version]),
                    )
                    for version in sorted(view.changed)
                ],
            )
            for user, patch in view.members.items():
                self._save_member(connection, room, user, patch)
            connection.executemany(
                "INSERT INTO members VALUES (?,?,NULL,NULL,?)"
                " ON CONFLICT (room, user) DO UPDATE SET posted=excluded.posted",
                [(room, user, version) for user, version in view.posted.items()],
            )
        return True

    @staticmethod
    def _save_member(connection: Any, room: str, user: str, patch: Mapping[str, Any]) -> None:
        connection.execute("INSERT OR IGNORE INTO members VALUES (?,?,NULL,NULL,0)", (room, user))
        if "name" in patch:
            connection.execute(
                "UPDATE members SET name=? WHERE room=? AND user=?",
                (orjson.dumps(patch["name"]), room, user),
            )
        if "role" in patch:
            connection.execute(
                "UPDATE members SET role=? WHERE room=? AND user=?", (patch["role"], room, user)
            )

    def reset_room(self, room: str) -> None:
        with self._database.writing() as connection:
            for table in ("rooms", "messages", "members"):
                connection.execute(f"DELETE FROM {table} WHERE room=?", (room,))

    def person_version(self, user: str) -> int:
        row = self._database.row("SELECT version FROM people WHERE user=?", (user,))
        return row[0] if row else 0

    def marks(self, user: str, rooms: Sequence[str] | None = None) -> dict[str, int]:
        if rooms is None:
            statement = "SELECT room, version FROM marks WHERE user=?"
            return dict(self._database.rows(statement, (user,)))
        statement = f"SELECT room, version FROM {KEYS} marks WHERE room = wanted.value AND user=?"
        return dict(self._database.rows(statement, (_keys(rooms), user)))

    def save_person(self, user: str, expected: int, version: int, marks: Mapping[str, int]) -> bool:
        with self._database.writing() as connection:
            updated = connection.execute(
                "UPDATE people SET version=? WHERE user=? AND version=?", (version, user, expected)
            )
            if not updated.rowcount:
                if expected:
                    return False
                inserted = connection.execute(
                    "INSERT OR IGNORE INTO people VALUES (?,?)", (user, version)
                )
                if not inserted.rowcount:
                    return False
            connection.executemany(
                "INSERT OR REPLACE INTO marks VALUES (?,?,?)",
                [(user, room, mark) for room, mark in marks.items()],
            )
        return True

    def forget_person(self, user: str) -> None:
        with self._database.writing() as connection:
            connection.execute("DELETE FROM marks WHERE user=?", (user,))
            # Those that the index has: of who left, the row stays sealed.
            connection.execute(
                "UPDATE members SET name=NULL WHERE user=? AND role IS NOT NULL",
                (user,),
            )

    def reset_person(self, user: str) -> None:
        with self._database.writing() as connection:
            for table in ("people", "marks"):
                connection.execute(f"DELETE FROM {table} WHERE user=?", (user,))

    def dump(self) -> Iterator[dict[str, Any]]:
        for room, header in self._database.rows("SELECT room, header FROM rooms ORDER BY room"):
            yield {"room": room, **orjson.loads(header)}
            for user, name, role, posted in self._database.rows(
                "SELECT user, name, role, posted FROM members WHERE room=? ORDER BY user", (room,)
            ):
                yield {
                    "room": room,
                    "user": user,
                    "name": _loads(name),
                    "role": role,
                    "posted": posted,
                }
            for (message,) in self._database.rows(
                "SELECT message FROM messages WHERE room=? ORDER BY version", (room,)
            ):
                yield {"room": room, "message": orjson.loads(message)}
        for user, version in self._database.rows("SELECT user, version FROM people ORDER BY user"):
            marks = dict(sorted(self.marks(user).items()))
            yield {"person": user, "version": version, "marks": marks}

    def clear(self) -> None:
        with self._database.writing() as connection:
            for table in TABLES:
                connection.execute(f"DELETE FROM {table}")


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


def open_views(path: Path) -> Database:
    """Opens the file that holds views and progress."""
    return Database(path, SCHEMA + PROGRESS_SCHEMA + INDEX, "NORMAL")


def adopt(database: Database, path: Path, consumer: str) -> None:
    """Puts the views of another file in place of a file's own, in one transaction, with the
    position and the parked events of the consumer that folded them."""
    with database.attached(path, "rebuilt"), database.writing() as connection:
        for table in TABLES:
            connection.execute(f"DELETE FROM main.{table}")
            connection.execute(f"INSERT INTO main.{table} SELECT * FROM rebuilt.{table}")
        for table in ("positions", "parked"):
            connection.execute(f"DELETE FROM main.{table} WHERE consumer=?", (consumer,))
            connection.execute(
                f"INSERT INTO main.{table} SELECT * FROM rebuilt.{table} WHERE consumer=?",
                (consumer,),
            )


def _keys(keys: Sequence[Any]) -> str:
    """Returns keys as the JSON array that KEYS takes."""
    return orjson.dumps(keys).decode()


def _loads(value: bytes | None) -> Any:
    return None if value is None else orjson.loads(value)
