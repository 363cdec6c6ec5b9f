"""One SQLite file: a connection to write, one per thread to read."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from eventsourcing.persistence import OperationalError

Synchronous = Literal["NORMAL", "FULL"]


class Database:
    """A file in WAL mode.

    Parameters
    ----------
    path: the file.
    schema: statements that create what is missing.
    synchronous: FULL syncs at each commit; NORMAL only at checkpoints, so that a power loss may
        take the last commits but leaves the file whole (sqlite.org/pragma.html#pragma_synchronous).
    secure_delete: overwrite deleted content with zeros.
    """

    def __init__(
        self, path: Path, schema: str, synchronous: Synchronous, *, secure_delete: bool = False
    ) -> None:
        self.path = path
        self._synchronous = synchronous
        self._secure_delete = secure_delete
        self._lock = threading.RLock()
        self._local = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._writer = self._connect()
        self._writer.executescript(schema)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={self._synchronous}")
        connection.execute("PRAGMA busy_timeout=10000")
        if self._secure_delete:
            connection.execute("PRAGMA secure_delete=ON")
        with self._lock:
            self._all.append(connection)
        return connection

    def _reader(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
            connection.execute("PRAGMA query_only=ON")
        return connection

    def rows(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Runs a reading statement; within this thread's transaction it sees the transaction's
        writes."""
        connection = self._writer if self._within() else self._reader()
        try:
            return connection.execute(statement, values).fetchall()
        except sqlite3.OperationalError as error:
            raise OperationalError(str(error)) from error

    def row(self, statement: str, values: tuple[Any, ...] = ()) -> tuple[Any, ...] | None:
        found = self.rows(statement, values)
        return found[0] if found else None

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Gives the writing connection for one transaction; rolled back on an exception.

        Within another transaction of the same thread it is a part of that one, which commits
        everything together: on an exception only the part is undone.

        Raises
        ------
        OperationalError: the `eventsourcing` library's, in place of SQLite's; also if SQLite rolled
            back the whole outer transaction, which can happen when the disk is full.
        """
        if self._within():
            with self._part():
                yield self._writer
            return
        with self._lock:
            self._local.within = True
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                try:
                    yield self._writer
                    self._writer.execute("COMMIT")
                except BaseException:
                    if self._writer.in_transaction:
                        self._writer.execute("ROLLBACK")
                    raise
            except sqlite3.OperationalError as error:
                raise OperationalError(str(error)) from error
            finally:
                self._local.within = False

    @contextmanager
    def _part(self) -> Iterator[None]:
        """Undoes only the writes within it if they fail."""
        if not self._writer.in_transaction:
            # Each statement would be a transaction of its own now.
            raise OperationalError("the transaction was rolled back")
        try:
            self._writer.execute("SAVEPOINT part")
            try:
                yield
                self._writer.execute("RELEASE part")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK TO part")
                    self._writer.execute("RELEASE part")
                raise
        except sqlite3.OperationalError as error:
            raise OperationalError(str(error)) from error

    @contextmanager
    def attached(self, path: Path, name: str) -> Iterator[None]:
        """Attaches another file to the writing connection under a name."""
        with self._lock:
            self._writer.execute(f"ATTACH DATABASE ? AS {name}", (str(path),))
            try:
                yield
            finally:
                self._writer.execute(f"DETACH DATABASE {name}")

    def _within(self) -> bool:
        """Returns whether this thread is in a transaction."""
        return getattr(self._local, "within", False)

    def truncate_log(self) -> None:
        """Moves all of the write-ahead log into the file, so that the log keeps no old content."""
        with self._lock:
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
