"""Replaces old content in memory."""

from collections.abc import Callable, Collection, Iterator, Sequence

from eventsourcing.persistence import StoredEvent

from adapters.memory.events import MemoryEvents
from adapters.memory.views import MemoryStore
from domain.ports.retention import Retained
from domain.projections.rows import message_key, room_stream
from domain.projections.views import Views
from domain.room.view import Message


class MemoryRetention:
    """Implements the Retention port."""

    def __init__(self, events: MemoryEvents, store: MemoryStore) -> None:
        self._events = events
        self._store = store
        self._views = Views(store)
        self._retained: dict[str, Retained] = {}
        self._finished = 0.0

    def rooms(self) -> Iterator[str]:
        return self._views.rooms()

    def finished(self) -> float:
        return self._finished

    def finish(self, at: float) -> None:
        self._finished = at

    def retained(self) -> dict[str, Retained]:
        return dict(self._retained)

    def advance(self, room: str, retained: Retained) -> None:
        self._retained[room] = retained

    def generation(self, room: str) -> int:
        return 0

    def events(self, room: str, after: int, limit: int) -> Sequence[StoredEvent]:
        return self._events.select_events(room, gt=after, limit=limit)

    def replace(self, events: Sequence[StoredEvent]) -> None:
        for event in events:
            log_id, version = str(event.originator_id), event.originator_version
            held = self._events.select_events(log_id, gt=version - 1, lte=version)
            if held and held[0].topic == event.topic:
                self._events.replace(event)

    def change_messages(
        self, room: str, versions: Collection[int], change: Callable[[Message], Message | None]
    ) -> None:
        for version in versions:
            message = self._views.message(room, version)
            changed = None if message is None else change(message)
            if changed is not None:
                self._store.replace(room_stream(room), message_key(version), changed)

    def clean(self, before: float) -> int:
        return 0
