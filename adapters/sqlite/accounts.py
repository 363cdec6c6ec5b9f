"""Sessions, nicknames, subjects and tickets. Only hashes, pseudonyms and sealed texts are
written."""

from collections.abc import Callable
from pathlib import Path

import orjson

from adapters.sqlite.database import Database
from domain.ports.accounts import Session
from domain.protocol.types import Sealed

SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    token TEXT PRIMARY KEY, user TEXT NOT NULL, session TEXT NOT NULL, expires REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sessions_by_user ON sessions (user);
CREATE TABLE IF NOT EXISTS nicknames (
    pseudonym TEXT PRIMARY KEY, user TEXT NOT NULL, reserved REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS nicknames_by_user ON nicknames (user);
CREATE TABLE IF NOT EXISTS tickets (
    ticket TEXT PRIMARY KEY, user TEXT NOT NULL, session TEXT NOT NULL, expires REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tickets_by_expiry ON tickets (expires);
CREATE TABLE IF NOT EXISTS subjects (
    pseudonym TEXT PRIMARY KEY, user TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS emails (
    user TEXT PRIMARY KEY, sealed BLOB NOT NULL
) WITHOUT ROWID;
"""
RESERVED = 60.0
"""Seconds that a claimed nickname waits for its first session."""


class SqliteAccounts:
    """Implements the Accounts port."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path, SCHEMA, "FULL", secure_delete=True)

    def claim_nickname(self, pseudonym: str, user: str, now: float) -> bool:
        with self.database.writing() as connection:
            held = connection.execute(
                "SELECT n.user, n.reserved > ? OR EXISTS (SELECT 1 FROM sessions s"
                " WHERE s.user = n.user AND s.expires > ?) FROM nicknames n WHERE n.pseudonym=?",
                (now, now, pseudonym),
            ).fetchone()
            if held and held[0] != user and held[1]:
                return False
            connection.execute(
                "INSERT OR REPLACE INTO nicknames VALUES (?,?,?)", (pseudonym, user, now + RESERVED)
            )
            return True

    def nickname_holder(self, pseudonym: str) -> str | None:
        row = self.database.row("SELECT user FROM nicknames WHERE pseudonym=?", (pseudonym,))
        return row[0] if row else None

    def put_session(self, token: str, session: Session) -> None:
        with self.database.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO sessions VALUES (?,?,?,?)",
                (token, session.user, session.session, session.expires),
            )

    def prolong(self, token: str, expires: float) -> None:
        with self.database.writing() as connection:
            connection.execute("UPDATE sessions SET expires=? WHERE token=?", (expires, token))

    def session(self, token: str, now: float) -> Session | None:
        row = self.database.row(
            "SELECT user, session, expires FROM sessions WHERE token=? AND expires>?", (token, now)
        )
        return Session(*row) if row else None

    def sessions_of(self, user: str) -> dict[str, Session]:
        rows = self.database.rows(
            "SELECT token, user, session, expires FROM sessions WHERE user=?", (user,)
        )
        return {token: Session(*session) for token, *session in rows}

    def end_session(self, token: str) -> Session | None:
        with self.database.writing() as connection:
            row = connection.execute(
                "DELETE FROM sessions WHERE token=? RETURNING user, session, expires", (token,)
            ).fetchone()
            if row is None:
                return None
            connection.execute("UPDATE nicknames SET reserved=0 WHERE user=?", (row[0],))
            connection.execute("DELETE FROM tickets WHERE session=?", (row[1],))
            return Session(*row)

    def end_sessions_of(self, user: str) -> None:
        with self.database.writing() as connection:
            connection.execute("DELETE FROM sessions WHERE user=?", (user,))
            connection.execute("DELETE FROM tickets WHERE user=?", (user,))
            connection.execute("UPDATE nicknames SET reserved=0 WHERE user=?", (user,))

    def forget(self, user: str) -> None:
        with self.database.writing() as connection:
            for table in ("sessions", "tickets", "nicknames", "emails"):
                connection.execute(f"DELETE FROM {table} WHERE user=?", (user,))
        # The write-ahead log would keep the old pages until the next checkpoint.
        self.database.truncate_log()

    def put_ticket(self, ticket: str, session: Session, life: float = 60.0) -> None:
        with self.database.writing() as connection:
            # The new one's expiry gives the time: tickets that expired a minute earlier are
            # deleted.
            connection.execute("DELETE FROM tickets WHERE expires<?", (session.expires - life,))
            connection.execute(
                "INSERT OR REPLACE INTO tickets VALUES (?,?,?,?)",
                (ticket, session.user, session.session, session.expires),
            )

    def take_ticket(self, ticket: str, now: float) -> Session | None:
        with self.database.writing() as connection:
            row = connection.execute(
                "DELETE FROM tickets WHERE ticket=? RETURNING user, session, expires", (ticket,)
            ).fetchone()
        return Session(*row) if row and row[2] > now else None

    def claim_subject(self, pseudonym: str, user: str) -> str:
        with self.database.writing() as connection:
            connection.execute("INSERT OR IGNORE INTO subjects VALUES (?,?)", (pseudonym, user))
            row = connection.execute(
                "SELECT user FROM subjects WHERE pseudonym=?", (pseudonym,)
            ).fetchone()
        return str(row[0])

    def put_email(self, user: str, sealed: Sealed) -> None:
        with self.database.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO emails VALUES (?,?)", (user, orjson.dumps(sealed))
            )

    def email(self, user: str) -> Sealed | None:
        row = self.database.row("SELECT sealed FROM emails WHERE user=?", (user,))
        sealed: Sealed | None = orjson.loads(row[0]) if row else None
        return sealed

    def drop_expired(self, now: float, more: Callable[[], bool]) -> int:
        dropped = 0
        for table in ("sessions", "tickets"):
            if more():
                with self.database.writing() as connection:
                    done = connection.execute(f"DELETE FROM {table} WHERE expires<=?", (now,))
                    dropped += done.rowcount
        return dropped

    def close(self) -> None:
        self.database.close()
