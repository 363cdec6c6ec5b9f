"""Rebuilds a data folder's views next to those that are read: no read fails, waits or goes back in
time."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from adapters.sqlite.database import Database
from adapters.sqlite.progress import SqliteProgress
from adapters.sqlite.views import SqliteStore
from adapters.sqlite.views_file import adopt, open_views
from domain.chat.projecting import ProjectViews
from domain.consuming import Consuming, Record
from domain.log import EventLog, envelope
from domain.ports.vault import Vault
from domain.projections.views import Views
from local.feed import Feed
from local.stores import Stores, utc_now

PAGE = 1_000
"""Events folded in one transaction."""

PASSES = 3
"""Number of times that the fold catches up with the head while events still arrive; each time fewer
events remain."""

Tell = Callable[[int, int], None]
"""Called with the number of folded events and the total."""


@dataclass(frozen=True, slots=True)
class _Apart:
    views: Views
    log: EventLog
    vault: Vault


class _Fold:
    """Folds the log into separate views."""

    def __init__(self, stores: Stores, database: Database, tell: Tell) -> None:
        self._events = stores.events
        self._recorder = stores.events.events
        self._progress = SqliteProgress(database)
        views = ProjectViews(_Apart(Views(SqliteStore(database)), stores.log, stores.vault))
        self._consuming = Consuming(views, stores.log, self._progress, utc_now)
        self._tell = tell

    def by_log(self) -> None:
        """Folds the log's current events, one stream after the other.

        Events of 10,000 rooms are interleaved: in their common order, nearly each event saves its
        room's header. Here a stream is read as a whole and saved once for every
        domain.consuming.REDRIVE_CHUNK of its events. `to_head` folds events that are appended in
        the meantime, and drops events that a view already has.
        """
        head, done = self._recorder.max_notification_id() or 0, 0
        for streams in _pages(self._events.streams()):
            with self._progress.together():
                for stream, version in streams:
                    self._consuming.fold(stream, version)
            done += sum(version for _, version in streams)
            self._tell(min(done, head), head)
        self._progress.advance(ProjectViews.name, head)

    def to_head(self) -> None:
        """Folds the log's current events, in the order in which they were appended."""
        name, head = ProjectViews.name, self._recorder.max_notification_id() or 0
        position, receives = self._progress.position(name), 1
        while position < head:
            notices = self._recorder.select_notifications(position + 1, PAGE)
            if not notices:
                return
            records = [Record(str(one.id), envelope(one), receives) for one in notices]
            with self._progress.together():
                failed = self._consuming.consume(records)
                if not failed:
                    position = notices[-1].id
                    self._progress.advance(name, position)
            receives = receives + 1 if failed else 1
            self._tell(position, head)


def rebuild(stores: Stores, feed: Feed | None, tell: Tell) -> None:
    """Rebuilds all views and replaces the old ones by them, all at once.

    The old ones are read and updated until then; the feed's consumers wait only for the last few
    events and the replacement itself. An interrupted run leaves only a file, which the next run
    deletes.
    """
    path = stores.folder.views.with_suffix(".rebuilt")
    _delete(path)
    database = open_views(path)
    try:
        fold = _Fold(stores, database, tell)
        fold.by_log()
        for _ in range(PASSES):
            fold.to_head()
        if feed is not None:
            feed.pause()
        try:
            fold.to_head()
            adopt(stores.views_file, path, [ProjectViews.name])
        finally:
            if feed is not None:
                feed.resume()
    finally:
        database.close()
        _delete(path)


def _pages(streams: Iterable[tuple[str, int]]) -> Iterator[list[tuple[str, int]]]:
    """Groups streams so that each group has about PAGE events, or one stream that has more."""
    group: list[tuple[str, int]] = []
    size = 0
    for stream, version in streams:
        group.append((stream, version))
        size += version
        if size >= PAGE:
            yield group
            group, size = [], 0
    if group:
        yield group


def _delete(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
