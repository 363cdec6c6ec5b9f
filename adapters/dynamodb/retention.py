"""Replaces old content in the events and views tables.

The progress table records under `retention` how far each room is processed, one item per room, and
in one item, `*`, when all rooms were last completed.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict

import orjson
from eventsourcing.persistence import StoredEvent

from adapters.dynamodb.events import DynamoEvents
from adapters.dynamodb.generations import DynamoGenerations
from adapters.dynamodb.heads import Heads, partition
from adapters.dynamodb.rows import WHOLE
from adapters.dynamodb.table import ConditionFailed, Item, Table
from adapters.dynamodb.views import DynamoStore
from domain.ports.retention import Retained
from domain.projections.rows import message_key, room_stream
from domain.projections.views import Views
from domain.room.view import Message

PROGRESS = "retention"
ALL = "*"
"""Not the id of any room."""

WORKERS = 8
"""Parallel writes; boto3's pool has ten connections."""

ATTEMPTS = 3
"""Attempts to rewrite a message that folds change at the same time."""


class DynamoRetention:
    """Implements the Retention port.

    Parameters
    ----------
    workers: parallel writes; 1 for one after the other.
    """

    def __init__(
        self, events: Table, views: Table, progress: Table, workers: int = WORKERS
    ) -> None:
        self._events = events
        self._views = views
        self._progress = progress
        self._heads = Heads(views, None, lambda: 0.0)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="parley-retention")

    def rooms(self) -> Iterator[str]:
        return Views(DynamoStore(self._views)).rooms()

    # Progress

    def finished(self) -> float:
        item = self._progress.get({"pk": PROGRESS, "sk": ALL})
        return float(item["at"]) if item else 0.0

    def finish(self, at: float) -> None:
        self._progress.put({"pk": PROGRESS, "sk": ALL, "at": at})

    def retained(self) -> dict[str, Retained]:
        found = self._progress.query("pk = :pk", values={":pk": PROGRESS})
        return {
            item.pop("sk"): Retained(**{name: item[name] for name in item if name != "pk"})
            for item in found
            if item["sk"] != ALL
        }

    def advance(self, room: str, retained: Retained) -> None:
        self._progress.put({"pk": PROGRESS, "sk": room, **asdict(retained)})

    # Replacement

    def events(self, room: str, after: int, limit: int) -> Sequence[StoredEvent]:
        return DynamoEvents(self._events).select_events(room, gt=after, limit=limit)

    def replace(self, events: Sequence[StoredEvent]) -> None:
        list(self._pool.map(self._replace, events))

    def _replace(self, event: StoredEvent) -> None:
        with suppress(ConditionFailed):
            self._events.update(
                {"log": event.originator_id, "version": event.originator_version},
                "SET #state = :state",
                names={"#state": "state", "#topic": "topic"},
                values={":state": event.state.decode(), ":topic": event.topic},
                condition="#topic = :topic",
            )

    def generation(self, room: str) -> int:
        return self._heads.read(room_stream(room)).generation

    def change_messages(
        self, room: str, versions: Collection[int], change: Callable[[Message], Message | None]
    ) -> None:
        pk = partition(room_stream(room), self.generation(room))
        left = [{"pk": pk, "sk": message_key(version)} for version in sorted(versions)]
        for _ in range(ATTEMPTS):
            rows = self._views.get_many(left)
            done = self._pool.map(lambda row: self._rewrite(row, change), rows)
            kept = zip(rows, list(done), strict=True)
            left = [{"pk": row["pk"], "sk": row["sk"]} for row, rewritten in kept if not rewritten]
            if not left:
                return

    def clean(self, before: float) -> int:
        return DynamoGenerations(self._views).clean(before)

    def _rewrite(self, row: Item, change: Callable[[Message], Message | None]) -> bool:
        """Rewrites a row unless a fold rewrote it since it was read. `v` stays the same: it is the
        version of the row's fold, and the next fold must not find a newer one."""
        changed = change(orjson.loads(row[WHOLE]))
        if changed is None:
            return True
        try:
            self._views.update(
                {"pk": row["pk"], "sk": row["sk"]},
                "SET #message = :message",
                names={"#message": WHOLE},
                values={
                    ":message": orjson.dumps(changed).decode(),
                    ":held": row[WHOLE],
                    ":v": row["v"],
                },
                condition="#message = :held AND v = :v",
            )
        except ConditionFailed:
            return False
        return True
