"""Operations of the command line on a data folder, with or without a running server."""

import os
import sqlite3
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import orjson

from domain.chat import Chat
from domain.consumer import TRANSIENT
from domain.consuming import Record
from domain.errors import ParleyError
from domain.log import envelope
from local.bootstrap import DURABLE, Engine
from local.importer import Report
from local.importing import ImportStopped, NothingWrittenError, counted, import_irc
from local.offline import Offline
from local.rebuilding import rebuild
from local.stores import Stores
from operations.common import OperationError, Progress, erased, log_lines, signed_out
from research.irc import NotUnderstood

PAGE = 1_000
"""Events read at a time."""

FOLLOWED = 500
"""Number of events by which the views may lag before the next batch of an import."""

PATIENCE = 60.0
"""Seconds for which a batch waits for the views; after that it fails if it needs them, and the
import reports it."""


class Operations:
    """Operations on opened stores.

    Parameters
    ----------
    engine: the running engine, or None if the command uses the folder alone.
    """

    def __init__(self, stores: Stores, engine: Engine | None = None) -> None:
        self._stores = stores
        self._engine = engine
        self._offline = None if engine else Offline(stores)
        self._chat: Chat = engine.chat if engine else cast(Offline, self._offline).chat

    def close(self) -> None:
        if self._offline is not None:
            self._offline.close()

    def run(self, name: str, arguments: dict[str, Any], progress: Progress) -> Iterator[str]:
        """Runs an operation by name; yields its output, line by line.

        Raises
        ------
        OperationError: in words for a person.
        """
        operations: dict[str, Callable[..., Iterator[str]]] = {
            "import-irc": self.import_irc,
            "events": self.events,
            "rebuild": self.rebuild,
            "backup": self.backup,
            "dead-letters-list": self.dead_letters,
            "dead-letters-redrive": self.redrive,
            "erase": self.erase,
            "sign-out": self.sign_out,
            "views": self.views,
        }
        try:
            yield from operations[name](progress, **arguments)
        except OSError as error:
            raise OperationError(_told(error)) from error
        except (ParleyError, ValueError, *TRANSIENT) as error:
            raise OperationError(str(error) or type(error).__name__) from error

    # Reading

    def events(self, _: Progress, room: str, deleted: bool = False) -> Iterator[str]:
        """Yields the log of a room or a person, one event per line, in the protocol's form for a
        member; with `deleted` also the texts of deleted messages."""
        return log_lines(self._stores.log, self._stores.vault, room, deleted)

    def views(self, _: Progress) -> Iterator[str]:
        """Yields the views in a fixed order, sealed as they are stored."""
        self._catch_up(lambda done, total: None)
        for row in self._stores.views.dump():
            yield orjson.dumps(row, option=orjson.OPT_SORT_KEYS).decode()

    def dead_letters(self, _: Progress) -> Iterator[str]:
        for parked in self._stores.progress.parked():
            yield orjson.dumps(parked).decode()

    # Writing

    def import_irc(
        self, progress: Progress, files: list[str], room: str, strict: bool
    ) -> Iterator[str]:
        """Imports IRC logs; yields the lines that were not understood, then a summary."""
        after_batch = self._project if self._engine is None else self._let_views_follow
        paths = [Path(file) for file in files]
        try:
            report = import_irc(self._chat, paths, room, strict, progress, after_batch)
        except NothingWrittenError as error:
            yield from map(_skipped, error.problems)
            raise
        except ImportStopped as stopped:
            yield from _left_out(stopped.report)
            raise
        self._catch_up(lambda done, total: None)
        yield from _left_out(report)
        said = [
            counted(report.lines, "line read", "lines read"),
            counted(report.events, "event added", "events added"),
        ]
        if report.known_files:
            said.append(counted(report.known_files, "file was in", "files were in") + " already")
        if report.erased:
            said.append(counted(report.erased, "line", "lines") + " of erased people left out")
        yield ", ".join(said)

    def rebuild(self, progress: Progress) -> Iterator[str]:
        """Rebuilds the views from the log, next to the current ones."""
        rebuild(self._stores, self._engine.feed if self._engine else None, progress)
        yield counted(self._catch_up(progress), "event folded", "events folded")

    def redrive(self, progress: Progress) -> Iterator[str]:
        """Rebuilds the streams that have parked events."""
        parked = self._stores.progress.parked()
        streams = sorted({(p.consumer, p.stream) for p in parked})
        feed = self._engine.feed if self._engine else None
        if feed:
            feed.pause()
        try:
            for done, (consumer, stream) in enumerate(streams):
                self._chat.consuming[consumer].redrive(stream)
                progress(done + 1, len(streams))
        finally:
            if feed:
                feed.resume()
        left = len(self._stores.progress.parked())
        letters = counted(len(parked), "dead letter", "dead letters")
        yield f"{letters} in {counted(len(streams), 'stream', 'streams')} redriven, {left} left"

    def erase(self, _: Progress, user: str) -> Iterator[str]:
        """Destroys a person's key and ends everything that they have open."""
        yield from erased(self._chat, user)
        # When the command ends, all stores of their name have dropped it.
        self._catch_up(lambda done, total: None)

    def sign_out(self, _: Progress, user: str) -> Iterator[str]:
        """Ends a person's sessions and closes their connections."""
        return signed_out(self._chat, user)

    def backup(self, progress: Progress, file: str) -> Iterator[str]:
        """Writes a tar of consistent copies of the log, the keys and the accounts.

        Views are left out, because they can be rebuilt from the log; the master key is left out, so
        that the archive alone cannot be read.
        """
        target = Path(file)
        into = target.absolute().parent
        # Otherwise the error would name a temporary file.
        if not into.is_dir():
            raise OperationError(f"there is no folder {into}")
        if not os.access(into, os.W_OK | os.X_OK):
            raise OperationError(f"{into}: permission denied")
        folder = self._stores.folder
        sources = [folder.events, folder.keys, folder.accounts]
        with tempfile.TemporaryDirectory(dir=into) as scratch:
            archive = Path(scratch) / "backup.tar"
            with tarfile.open(archive, "w") as tar:
                for done, source in enumerate(sources):
                    copy = Path(scratch) / source.name
                    _copy_database(source, copy)
                    tar.add(copy, source.name)
                    copy.unlink()
                    progress(done + 1, len(sources))
            archive.chmod(0o600)
            _sync(archive)
            os.replace(archive, target)
        yield f"{target}: {target.stat().st_size} bytes; keep {folder.master_key} apart from it"

    # Catching up without a running feed

    def _catch_up(self, progress: Progress) -> int:
        """Makes the durable consumers reach the log's current head; returns its position.

        It does not wait for events that are appended in the meantime: under steady traffic it would
        never end.
        """
        recorder = self._stores.events.events
        head = recorder.max_notification_id() or 0
        if self._engine is None:
            for consumer in DURABLE:
                self._consume(consumer, progress)
        else:
            while behind := self._engine.feed.behind(head):
                progress(head - behind, head)
                self._engine.wait_caught_up(0.2)
        progress(head, head)
        return head

    def _let_views_follow(self) -> None:
        """Waits while the server's views lag: deciding a reply does not fold a long tail (MAX_LAG
        of domain/deciding.py), and people read the room during the import."""
        engine, until = cast(Engine, self._engine), time.monotonic() + PATIENCE
        while engine.feed.lag()["project_views"] > FOLLOWED and time.monotonic() < until:
            engine.wait_caught_up(0.2)

    def _project(self) -> None:
        self._consume("project_views", lambda done, total: None)

    def _consume(self, consumer: str, progress: Progress) -> None:
        recorder, kept = self._stores.events.events, self._stores.progress
        position, receives = kept.position(consumer), 1
        while notices := recorder.select_notifications(position + 1, PAGE):
            records = [Record(str(n.id), envelope(n), receives) for n in notices]
            if self._chat.apply_records(consumer, records):
                receives += 1
                continue
            position, receives = notices[-1].id, 1
            kept.advance(consumer, position)
            progress(position, recorder.max_notification_id() or 0)


def _told(error: OSError) -> str:
    """Returns the error and its file, without Python's formatting."""
    if error.filename is None or error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror.lower()}"


def _left_out(report: Report) -> Iterator[str]:
    yield from map(_skipped, report.problems)
    for refusal in report.refused:
        yield f"refused: {refusal}"


def _skipped(problem: NotUnderstood) -> str:
    return f"{problem.file}:{problem.line}: not understood: {problem.reason}"


def _copy_database(source: Path, copy: Path) -> None:
    """Copies a database as of one moment, even while it is written."""
    with closing(sqlite3.connect(source)) as original, closing(sqlite3.connect(copy)) as target:
        original.backup(target)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
