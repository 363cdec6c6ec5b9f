"""Decides who may read a room, from its log and never from a view: a view may lag, and it skips
events that it cannot fold (rule 8)."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, cast

from eventsourcing.persistence import StoredEvent

from domain.aggregate import Event
from domain.errors import NotFound
from domain.log import EventLog, mapper
from domain.room.declaring import TOPICS
from domain.room.room import Room

OPEN_KINDS = ("public", "broadcast")
"""Kinds of rooms that anybody may read; a room of unknown kind is not one of them."""

KEPT = 32 * 2**20
"""Bytes of cached rooms, by their own estimate."""


@dataclass(slots=True)
class Standing:
    """Information from a room's log about who may read it.

    Attributes
    ----------
    room: folded only from events that declare a `membership` other than none, or the aggregate in
        memory for deciding; must not be changed.
    version: version up to which the log was folded.
    damaged: whether an event that may have changed the members could not be read. Then nobody
        counts as a member, because a removed person must not read any more.
    weight: its share of the cache.
    """

    room: Room
    version: int = 0
    damaged: bool = False
    weight: int = 0

    @classmethod
    def of(cls, room: Room) -> "Standing":
        return cls(room, room.version)

    def role(self, user: str) -> str | None:
        return None if self.damaged else self.room.members.get(user)

    def readable_by(self, user: str) -> bool:
        open_to_all = self.room.kind in OPEN_KINDS and not self.damaged
        return bool(self.version) and (open_to_all or self.role(user) is not None)

    def fold(self, events: Sequence[StoredEvent]) -> None:
        for stored in events:
            if stored.originator_version <= self.version:
                continue
            kind = TOPICS.get(stored.topic)
            if kind is not None and kind.membership != "none":
                try:
                    cast(Event, mapper.to_domain_event(stored)).apply(self.room)
                except Exception:
                    self.damaged = True
            self.version = stored.originator_version


class Authorising:
    """Keeps the standing of rooms.

    Parameters
    ----------
    alone: whether only this process appends to the log: then its aggregates in memory are at the
        head, and nothing is read.
    """

    def __init__(self, log: EventLog, alone: bool) -> None:
        self._log = log
        self._alone = alone
        self._kept: OrderedDict[str, Standing] = OrderedDict()
        self._weight = 0
        self._lock = Lock()

    def in_memory(self, room: str) -> Standing | None:
        """Returns the standing at the head if it costs no read, otherwise None."""
        aggregate = self._log.cached(room) if self._alone else None
        return Standing.of(aggregate) if isinstance(aggregate, Room) else None

    def standing(self, room: str) -> Standing:
        """Returns a room's standing at its log's head; may wait for the disk.

        A cached standing is brought to the head with one read of the later events.
        """
        found = self.in_memory(room)
        if found is not None:
            return found
        with self._lock:
            known = self._kept.get(room)
        if known is None:
            known = self._begin(room)
        tail = self._log.recorder.select_events(room, gt=known.version)
        with self._lock:
            known.fold(tail)
            if known.version:
                self._keep(room, known)
        return known

    def require(self, room: str, user: str) -> Standing:
        """Returns the standing of a room that a person may read.

        Raises
        ------
        NotFound: there is no such room, or it is private and the person is not a member.
        """
        found = self.standing(room)
        if not found.readable_by(user):
            raise NotFound("no such room")
        return found

    def _begin(self, room: str) -> Standing:
        """Returns the standing in the newest snapshot."""
        taken = self._log.taken(room)
        if taken is not None:
            found: Any = mapper.to_domain_event(taken)
            aggregate: Room = found.mutate(None)
            aggregate.recent.clear()  # nothing is decided on it
            return Standing.of(aggregate)
        return Standing(Room(room))

    def _keep(self, room: str, standing: Standing) -> None:
        """Caches a standing; the least recently used one is dropped first."""
        before = self._kept.pop(room, None)
        if before is not None:
            self._weight -= before.weight
        standing.weight = standing.room.weight()
        self._kept[room] = standing
        self._weight += standing.weight
        while self._weight > KEPT and len(self._kept) > 1:
            self._weight -= self._kept.popitem(last=False)[1].weight
