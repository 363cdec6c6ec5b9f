"""Who may read a room: by its log, never by a view, which may lag and which skips what it cannot
fold (rule 8)."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, cast

from eventsourcing.persistence import StoredEvent

from domain.aggregate import Event
from domain.errors import NotFound
from domain.log import EventLog, mapper
from domain.room.invitations import InvitationDeclined, MemberInvited
from domain.room.lifecycle import RoomCreated
from domain.room.membership import MemberJoined, MemberLeft, RoleChanged
from domain.room.room import Room

OPEN_KINDS = ("public", "broadcast")
"""Kinds of rooms that anybody may read; a room whose kind is not known is none of them."""

MEMBERSHIP: tuple[type[Event], ...] = (
    RoomCreated,
    MemberInvited,
    InvitationDeclined,
    MemberJoined,
    MemberLeft,
    RoleChanged,
)
"""Events that say who may read a room, or is invited to."""

KEPT = 32 * 2**20
"""Bytes of rooms that are remembered, by their own estimate."""

_TOPICS = frozenset(one.TOPIC for one in MEMBERSHIP)


@dataclass(slots=True)
class Standing:
    """What a room's log says of who may read it.

    Attributes
    ----------
    room: folded from MEMBERSHIP alone, or as it is in memory for deciding; not to be changed.
    version: up to which the log was folded.
    damaged: whether an event that may have changed the members could not be read. Then nobody is
        taken for a member: whoever was removed must not read on.
    weight: what it counts among those that are remembered.
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
            if stored.topic in _TOPICS:
                try:
                    cast(Event, mapper.to_domain_event(stored)).apply(self.room)
                except Exception:
                    self.damaged = True
            self.version = stored.originator_version


class Authorising:
    """Knows the standing of rooms.

    Parameters
    ----------
    alone: whether this process alone appends to the log: then what it has in memory for deciding
        is at the head, and nothing is read.
    """

    def __init__(self, log: EventLog, alone: bool) -> None:
        self._log = log
        self._alone = alone
        self._kept: OrderedDict[str, Standing] = OrderedDict()
        self._weight = 0
        self._lock = Lock()

    def in_memory(self, room: str) -> Standing | None:
        """Returns the standing at the head where it costs no read, else None."""
        aggregate = self._log.cached(room) if self._alone else None
        return Standing.of(aggregate) if isinstance(aggregate, Room) else None

    def standing(self, room: str) -> Standing:
        """Returns a room's standing at its log's head; may wait for the disk.

        What is remembered is brought to the head by one read of what came since.
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
        NotFound: there is no such room, or it is private and the person no member.
        """
        found = self.standing(room)
        if not found.readable_by(user):
            raise NotFound("no such room")
        return found

    def _begin(self, room: str) -> Standing:
        """Returns what the newest snapshot says."""
        for snapshot in self._log.snapshot_store.get(room, desc=True, limit=1):
            found: Any = snapshot
            aggregate: Room = found.mutate(None)
            aggregate.recent.clear()  # nothing is decided on it
            return Standing.of(aggregate)
        return Standing(Room(room))

    def _keep(self, room: str, standing: Standing) -> None:
        """Remembers a standing; the one unused for longest goes first."""
        before = self._kept.pop(room, None)
        if before is not None:
            self._weight -= before.weight
        standing.weight = standing.room.weight()
        self._kept[room] = standing
        self._weight += standing.weight
        while self._weight > KEPT and len(self._kept) > 1:
            self._weight -= self._kept.popitem(last=False)[1].weight
