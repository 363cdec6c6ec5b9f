"""The logs of rooms and people, over any recorder of the `eventsourcing` library."""

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

import orjson
from eventsourcing.application import AggregateNotFoundError, Repository
from eventsourcing.persistence import (
    AggregateRecorder,
    EventStore,
    Mapper,
    StoredEvent,
)
from eventsourcing.utils import register_topic

from domain.aggregate import Aggregate, Event, OrjsonTranscoder, Snapshot
from domain.person.person import PERSON_EVENTS, Person, PersonSnapshot
from domain.room.room import ROOM_EVENTS, Room, RoomSnapshot

SNAPSHOT_EVERY = 1_000
"""Events between snapshots: folding that many takes some 10 ms."""

EVENT_CLASSES: tuple[type[Event], ...] = (*ROOM_EVENTS, *PERSON_EVENTS)
SNAPSHOT_CLASSES: tuple[type[Snapshot], ...] = (RoomSnapshot, PersonSnapshot)
for _event in EVENT_CLASSES:
    register_topic(_event.TOPIC, _event)
for _snapshot in SNAPSHOT_CLASSES:
    register_topic(_snapshot.TOPIC, _snapshot)

mapper: Mapper[str] = Mapper(OrjsonTranscoder())


def is_person(log_id: str) -> bool:
    """Room ids have no underscore, person ids begin with `u_`: they never meet."""
    return log_id.startswith("u_")


def empty(log_id: str) -> Aggregate:
    """Returns the aggregate of a log that has no events."""
    return Person(log_id) if is_person(log_id) else Room(log_id)


def envelope(stored: StoredEvent) -> bytes:
    """Returns a stored event as feeds and queues carry it: sealed, as it is in the log."""
    return b'{"stream":"%b","version":%d,"topic":"%b","state":%b}' % (
        cast(str, stored.originator_id).encode(),
        stored.originator_version,
        stored.topic.encode(),
        stored.state,
    )


def from_envelope(envelope: dict[str, Any]) -> Event:
    """Returns the event of a decoded envelope, upcast.

    Raises
    ------
    eventsourcing.utils.TopicError: the topic is unknown.
    KeyError, TypeError: the envelope or an old state is not of its form.
    """
    stored = StoredEvent(
        originator_id=envelope["stream"],
        originator_version=envelope["version"],
        topic=envelope["topic"],
        state=orjson.dumps(envelope["state"]),
    )
    return cast(Event, mapper.to_domain_event(stored))


class Snapshots(AggregateRecorder):
    """Where snapshots are. The newest of a log is all that is ever read: older ones only weigh."""

    @abstractmethod
    def drop_older(self, log_id: str, version: int) -> None:
        """Deletes a log's snapshots below a version."""


class EventLog:
    """Reads and appends events; keeps recently used aggregates.

    Parameters
    ----------
    recorder: where events are; conflicts raise the library's IntegrityError.
    snapshots: where snapshots are.
    cache_size: aggregates kept in memory.
    """

    def __init__(
        self, recorder: AggregateRecorder, snapshots: Snapshots, cache_size: int = 5_000
    ) -> None:
        self.recorder = recorder
        self.store: EventStore[str] = EventStore(mapper, recorder)
        self.snapshots = snapshots
        self.snapshot_store: EventStore[str] = EventStore(mapper, snapshots)
        # Fast-forward off and no deep copies: a warm decision reads nothing (rule 4). Hence
        # whoever fails to save must evict.
        self.repository: Repository[str] = Repository(
            self.store,
            snapshot_store=self.snapshot_store,
            cache_maxsize=cache_size,
            fastforward=False,
            deepcopy_from_cache=False,
        )
        self._cache: Any = self.repository.cache
        self._unkept: Repository[str] = Repository(self.store, snapshot_store=self.snapshot_store)

    def cached(self, log_id: str) -> Aggregate | None:
        """Returns the aggregate if it is in memory; it may be behind its log."""
        try:
            return cast(Aggregate, self._cache.get(log_id))
        except KeyError:
            return None

    def read(self, log_id: str) -> Aggregate:
        """Returns the aggregate for reading: from memory or folded, and not kept.

        For threads other than the executor's: one that kept what it folded could put an older
        state over a newer one.
        """
        try:
            return self.cached(log_id) or self._unkept.get(log_id)
        except AggregateNotFoundError:
            return empty(log_id)

    def load(self, log_id: str) -> Aggregate:
        """Returns the aggregate for deciding, from memory or folded to its head, and keeps it."""
        try:
            return self.repository.get(log_id)
        except AggregateNotFoundError:
            return empty(log_id)

    def at_head(self, log_id: str) -> Aggregate:
        """Returns the aggregate folded to its log's head, whatever is in memory; not kept."""
        try:
            return self._unkept.get(log_id)
        except AggregateNotFoundError:
            return empty(log_id)

    def keep(self, aggregate: Aggregate) -> None:
        self._cache.put(aggregate.id, aggregate)

    def evict(self, log_id: str) -> None:
        """Forgets the aggregate, so that the next decision folds it anew."""
        if self.cached(log_id) is not None:
            self._cache.get(log_id, evict=True)

    def stored(self, events: Sequence[Event]) -> list[StoredEvent]:
        return [mapper.to_stored_event(event) for event in events]

    def snapshot(self, aggregate: Aggregate, before: int) -> StoredEvent | None:
        """Returns a snapshot for saving where the aggregate passed a multiple of
        SNAPSHOT_EVERY since version `before`."""
        if aggregate.version // SNAPSHOT_EVERY == before // SNAPSHOT_EVERY:
            return None
        return self.checkpoint(aggregate)

    def save_snapshot(self, snapshot: StoredEvent) -> None:
        """Saves a snapshot in place of the log's older ones."""
        self.snapshots.insert_events([snapshot])
        self.snapshots.drop_older(str(snapshot.originator_id), snapshot.originator_version)

    def checkpoint(self, aggregate: Aggregate) -> StoredEvent:
        """Returns the aggregate's state as a snapshot; later changes do not reach it."""
        snapshot_class: type[Snapshot] = cast(Any, aggregate).snapshot_class
        return mapper.to_stored_event(cast(Any, snapshot_class.take(aggregate)))

    def catch_up(self, checkpoint: StoredEvent) -> Aggregate | None:
        """Returns the aggregate of a checkpoint, folded to its log's head, and keeps it; None
        where so much came since that a stored snapshot is nearer."""
        aggregate = cast(Aggregate, cast(Any, mapper.to_domain_event(checkpoint)).mutate(None))
        tail = self.events(aggregate.id, after=aggregate.version, limit=SNAPSHOT_EVERY)
        if len(tail) == SNAPSHOT_EVERY:
            return None
        for event in tail:
            aggregate.fold(event)
        self.keep(aggregate)
        return aggregate

    def events(
        self, log_id: str, *, after: int = 0, upto: int | None = None, limit: int | None = None
    ) -> list[Event]:
        """Returns events with `after < version <= upto`, in order, upcast."""
        found = self.store.get(log_id, gt=after, lte=upto, limit=limit)
        return cast(list[Event], list(found))

    def newest(self, log_id: str, *, after: int, limit: int) -> list[Event]:
        """Returns the newest `limit` events above a version, in order, upcast."""
        found = self.recorder.select_events(log_id, gt=after, desc=True, limit=limit)
        return [cast(Event, mapper.to_domain_event(stored)) for stored in reversed(found)]

    def wire_events(self, log_id: str, *, after: int = 0, limit: int) -> tuple[list[Any], int]:
        """Returns events for reading, in the protocol's shape, and the last version looked at.

        One that cannot be read (a topic of a later release, a damaged row) is left out: its
        missing version shows that it is there. Nothing is ever decided or folded from this.
        """
        found = self.recorder.select_events(log_id, gt=after, limit=limit)
        shown = []
        for stored in found:
            with suppress(Exception):
                shown.append(cast(Event, mapper.to_domain_event(stored)).wire())
        return shown, found[-1].originator_version if found else after

    def head(self, log_id: str) -> int:
        """Returns the version of the log's last event; 0 where there is none."""
        last = self.recorder.select_events(log_id, desc=True, limit=1)
        return last[0].originator_version if last else 0
