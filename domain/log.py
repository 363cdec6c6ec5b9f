"""The logs of rooms and people, over any recorder of the `eventsourcing` library.

Over 300 lines: loading, caching, folding and snapshots of a log share one state.
"""

from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import orjson
from eventsourcing.persistence import (
    AggregateRecorder,
    EventStore,
    IntegrityError,
    Mapper,
    StoredEvent,
)
from eventsourcing.utils import register_topic

from domain.aggregate import Aggregate, Event, OrjsonTranscoder, Snapshot
from domain.caching import SizedCache
from domain.concerns import Composed, check_parts
from domain.person.person import PERSON_EVENTS, Person, PersonSnapshot
from domain.room.room import ROOM_EVENTS, Room, RoomSnapshot

SNAPSHOT_EVERY = 1_000
"""Events between snapshots: folding that many takes about 10 ms."""

RESTORED_BYTES = 2_048
"""Bytes of a snapshot that are restored about as fast as an event is folded, about 0.1 ms: a
snapshot with 50,000 rooms, 4 MB, takes 216 ms."""

OVERDUE = 200
"""If this many events beyond SNAPSHOT_EVERY were folded since the last snapshot, the next one is
assumed to have failed: this is more than two appends add at once."""

CACHE_BYTES = 64 * 2**20
"""Bytes of aggregates kept in memory by default: about 500 rooms with full command windows."""

OWED = 1_000
"""Number of logs whose failed snapshot a process remembers."""

EVENT_CLASSES: tuple[type[Event], ...] = (*ROOM_EVENTS, *PERSON_EVENTS)
SNAPSHOT_CLASSES: tuple[type[Snapshot], ...] = (RoomSnapshot, PersonSnapshot)
_aggregates: tuple[Composed, ...] = (Room(""), Person(""))
for _aggregate in _aggregates:
    check_parts(_aggregate)
for _event in EVENT_CLASSES:
    register_topic(_event.TOPIC, _event)
for _snapshot in SNAPSHOT_CLASSES:
    register_topic(_snapshot.TOPIC, _snapshot)

mapper: Mapper[str] = Mapper(OrjsonTranscoder())


def is_person(log_id: str) -> bool:
    """Room ids have no underscore, person ids begin with `u_`: they never collide."""
    return log_id.startswith("u_")


def empty(log_id: str) -> Aggregate:
    """Returns the aggregate of a log that has no events."""
    return Person(log_id) if is_person(log_id) else Room(log_id)


def envelope(stored: StoredEvent) -> bytes:
    """Returns a stored event in the form of feeds and queues: sealed, as in the log."""
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
    KeyError, TypeError: the envelope or an old state is malformed.
    """
    stored = StoredEvent(
        originator_id=envelope["stream"],
        originator_version=envelope["version"],
        topic=envelope["topic"],
        state=orjson.dumps(envelope["state"]),
    )
    return cast(Event, mapper.to_domain_event(stored))


class Snapshots(AggregateRecorder):
    """The store of snapshots. Only the newest one of a log is ever read."""

    @abstractmethod
    def drop_older(self, log_id: str, version: int) -> None:
        """Deletes a log's snapshots below a version."""


@dataclass(frozen=True, slots=True)
class _Owed:
    """A snapshot that failed.

    Attributes
    ----------
    version: version of the log from which on it is retried.
    wait: number of events to wait after the next failure.
    """

    version: int
    wait: int


class WirePage(NamedTuple):
    """A range of a log for reading.

    Attributes
    ----------
    events: in the protocol's form, texts sealed.
    unreadable: events that cannot be read (a topic of a later release, a damaged row), each with
        the type of the error. `events` does not have them.
    last: the last version that was read.
    """

    events: list[dict[str, Any]]
    unreadable: list[tuple[StoredEvent, str]]
    last: int


class EventLog:
    """Reads and appends events; keeps recently used aggregates.

    Parameters
    ----------
    recorder: the store of events; conflicts raise the library's IntegrityError.
    snapshots: the store of snapshots.
    cache_bytes: aggregates kept in memory, by an estimate of their bytes.
    """

    def __init__(
        self,
        recorder: AggregateRecorder,
        snapshots: Snapshots,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self.recorder = recorder
        self.store: EventStore[str] = EventStore(mapper, recorder)
        self.snapshots = snapshots
        # Cached aggregates are neither copied nor brought to the head: a warm decision reads
        # nothing (rule 4). So after a failed save the caller must evict.
        self.cache: SizedCache[str, Aggregate] = SizedCache(
            cache_bytes, lambda aggregate: aggregate.weight()
        )
        self._owed: OrderedDict[str, _Owed] = OrderedDict()

    def cached(self, log_id: str) -> Aggregate | None:
        """Returns the aggregate if it is in memory; it may be behind its log."""
        return self.cache.get(log_id)

    def read(self, log_id: str) -> Aggregate:
        """Returns the aggregate for reading: from memory or folded, without caching it.

        For other threads than the executor's, which could replace a newer state by an older one.
        """
        return self.cached(log_id) or self.at_head(log_id)

    def load(self, log_id: str) -> Aggregate:
        """Returns the aggregate for deciding, from memory or folded to its head, and caches it."""
        aggregate = self.cached(log_id)
        if aggregate is None:
            aggregate, since = self._fold(log_id)
            if since >= SNAPSHOT_EVERY + OVERDUE:
                self._owe(log_id, _Owed(aggregate.version, 1))
            if aggregate.version:
                self.keep(aggregate)
        return aggregate

    def at_head(self, log_id: str) -> Aggregate:
        """Returns the aggregate folded to its log's head, without the cache."""
        return self._fold(log_id)[0]

    def unfolded(self, log_id: str) -> int:
        """Returns the cost of folding a log that is not in memory, by two short reads: the events
        since its snapshot, plus the number that takes as long as restoring the snapshot."""
        last = self.recorder.select_events(log_id, desc=True, limit=1)
        if not last:
            return 0
        taken = self.taken(log_id)
        if taken is None:
            return last[0].originator_version
        restoring = len(taken.state) // RESTORED_BYTES
        return last[0].originator_version - taken.originator_version + restoring

    def taken(self, log_id: str) -> StoredEvent | None:
        """Returns the newest snapshot of a log; None if there is none, or if it lacks a part of the
        aggregate: then the log is folded from its first event."""
        for stored in self.snapshots.select_events(log_id, desc=True, limit=1):
            if (Person if is_person(log_id) else Room).is_whole(stored.state):
                return stored
        return None

    def _fold(self, log_id: str) -> tuple[Aggregate, int]:
        """Returns the aggregate at its log's head, and how many events that folded."""
        aggregate = empty(log_id)
        taken = self.taken(log_id)
        if taken is not None:
            aggregate = cast(Any, mapper.to_domain_event(taken)).mutate(None)
        since = aggregate.version
        for event in self.events(log_id, after=since):
            aggregate.fold(event)
        return aggregate, aggregate.version - since

    def keep(self, aggregate: Aggregate) -> None:
        """Keeps the aggregate in memory; must be called again after it grew."""
        self.cache.put(aggregate.id, aggregate)

    def evict(self, log_id: str) -> None:
        """Drops the aggregate, so that the next decision folds it again."""
        self.cache.drop(log_id)

    def stored(self, events: Sequence[Event]) -> list[StoredEvent]:
        return [mapper.to_stored_event(event) for event in events]

    def snapshot(self, aggregate: Aggregate, before: int) -> StoredEvent | None:
        """Returns a snapshot for saving if the aggregate passed a multiple of SNAPSHOT_EVERY since
        version `before`, or if a failed one is due again.

        A failed one is due again with the log's next event, then after 2 more, 4, …
        """
        owed = self._owed.get(aggregate.id) if self._owed else None
        passed = aggregate.version // SNAPSHOT_EVERY != before // SNAPSHOT_EVERY
        if not passed and (owed is None or aggregate.version < owed.version):
            return None
        # Due until `snapshot_saved`: a crash is a failure too.
        wait = owed.wait if owed else 1
        self._owe(aggregate.id, _Owed(aggregate.version + wait, min(2 * wait, SNAPSHOT_EVERY)))
        return self.checkpoint(aggregate)

    def _owe(self, log_id: str, owed: _Owed) -> None:
        self._owed[log_id] = owed
        self._owed.move_to_end(log_id)
        if len(self._owed) > OWED:
            self._owed.popitem(last=False)

    def snapshot_saved(self, snapshot: StoredEvent) -> None:
        """Records that a snapshot is saved; until then it is retried."""
        self._owed.pop(str(snapshot.originator_id), None)

    def save_snapshot(self, snapshot: StoredEvent) -> None:
        """Saves a snapshot in place of the log's older ones.

        Raises ------ PersistenceError, Throttled: it was not saved, or older ones are left.
        """
        with suppress(IntegrityError):  # another process took the same one
            self.snapshots.insert_events([snapshot])
        self.snapshot_saved(snapshot)
        self.snapshots.drop_older(str(snapshot.originator_id), snapshot.originator_version)

    def checkpoint(self, aggregate: Aggregate) -> StoredEvent:
        """Returns the aggregate's state as a snapshot; later changes do not affect it."""
        snapshot_class: type[Snapshot] = cast(Any, aggregate).snapshot_class
        return mapper.to_stored_event(cast(Any, snapshot_class.take(aggregate)))

    def catch_up(self, checkpoint: StoredEvent) -> Aggregate | None:
        """Returns the aggregate of a checkpoint, folded to its log's head, and caches it; None if a
        stored snapshot is closer."""
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

    def wire_events(self, log_id: str, *, after: int = 0, limit: int) -> WirePage:
        """Returns events for reading only; never decide or fold from this."""
        found = self.recorder.select_events(log_id, gt=after, limit=limit)
        page = WirePage([], [], found[-1].originator_version if found else after)
        for stored in found:
            try:
                page.events.append(cast(Event, mapper.to_domain_event(stored)).wire())
            except Exception as error:
                page.unreadable.append((stored, type(error).__name__))
        return page

    def head(self, log_id: str) -> int:
        """Returns the version of the log's last event; 0 where there is none."""
        last = self.recorder.select_events(log_id, desc=True, limit=1)
        return last[0].originator_version if last else 0
