"""Delivery: pushes events to connected people."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import orjson

from domain.aggregate import Event
from domain.caching import SizedCache
from domain.chat import frames
from domain.chat.authorising import Authorising
from domain.chat.services import Services
from domain.chat.signals import signal_recipients
from domain.chat.unsealing import names_at_head, open_event, open_words
from domain.chat.withholding import changes_after, withhold
from domain.consumer import TRANSIENT
from domain.log import envelope, is_person
from domain.person.lifecycle import PersonErased
from domain.person.memberships import Memberships
from domain.person.person import Person
from domain.person.sessions import OpenSessions, SessionEnded
from domain.ports.connections import Shard
from domain.room.declaring import CHANGING, TAKING
from domain.room.membership import MAX_MEMBERS

LARGE = 500
"""Number of a room's connections above which each shard is delivered separately."""

MAX_SHARDS = 256

YOUNG_PAUSE = 0.5
"""Seconds to wait for a connection that the gateway may not know yet."""

LATE = 2.0
"""Seconds after an event was recorded from which its push is late.

A push on time takes milliseconds on one machine and some hundreds on AWS (fast publish, two queues,
a gathering of 250 ms, a cold start); only retries, backlogs and redrives are later. A text that is
deleted within LATE was already on screens: checking for its deletion, at the cost of a read for
each push, would not hide it."""

LOOKED_AT = 500
"""Events after a late push that are checked for deletions and edits. If there are more, the push is
dropped: connections are so far behind that `sync` answers with a snapshot anyway."""

NAMES_LIFE = 300.0
"""Seconds for which names are cached if other processes may get their changes."""

NAME_BYTES = 650
"""Bytes of a sealed name in memory (measured by tests/unit/test_memory.py)."""


class Deliver:
    """Pushes events to connected people.

    Cached names of a room come from earlier events: losing them costs a read of the views.

    Parameters
    ----------
    pause: called with the seconds to wait for new connections.
    """

    name = "deliver"
    gapless = True
    NAMES = 2_000
    """Cached names of a room."""

    NAMES_BYTES = 32 * 2**20
    """Bytes of cached names of all rooms, NAME_BYTES each."""

    def __init__(self, services: Services, pause: Callable[[float], None] = time.sleep) -> None:
        self._services = services
        self._pause = pause
        self._names: SizedCache[str, dict[str, Any]] = SizedCache(
            self.NAMES_BYTES, lambda known: NAME_BYTES * (1 + len(known))
        )
        self._names_since: float = 0.0

    def last(self, stream: str) -> int | None:
        """Its position is a cursor (domain/claiming.py)."""
        return None

    def apply(self, stream: str, events: Sequence[Event], shard: Shard | None = None) -> None:
        if is_person(stream):
            self._push_own(stream, events)
        else:
            self._push_room(stream, events, shard)

    # A person's own log

    def _push_own(self, user: str, events: Sequence[Event]) -> None:
        services = self._services
        erased = any(isinstance(event, PersonErased) for event in events)
        if erased:
            # The key was destroyed before the event: it is not loaded again.
            services.vault.forget(user)
            self._take_name(user)
        connections = services.connections.of_user(user)
        if not connections:
            return
        opened = [open_event(services.vault, event.wire()) for event in events]
        for frame in frames.user(opened):
            connections = self._post(connections, frame)
        for event in events:
            if isinstance(event, SessionEnded):
                for connection in services.connections.of_session(user, event.session):
                    services.gateway.close(connection, 4401)
        if erased:
            for connection in services.connections.of_user(user):
                services.gateway.close(connection, 4401)

    def _take_name(self, user: str) -> None:
        """Tells pages that are open in a person's rooms, including rooms that they left, that the
        name is gone; not in large rooms, whose pages get this at their next read."""
        services = self._services
        person = services.at_head(user)
        for room in list(person.part(Memberships).by_room) if isinstance(person, Person) else ():
            present = signal_recipients(services.connections, room)
            if present:
                self._post(present, frames.nameless(room, user), room)

    # A room

    def _push_room(self, room: str, events: Sequence[Any], shard: Shard | None) -> None:
        """Pushes in as few frames as 32 KB allow; for a person who leaves, that event is the last.
        The events are of RoomEvent."""
        connections = self._services.connections
        present = self._present(room, events, shard)
        if present is None:
            return
        changes = self._changes(room, events) if present else []
        if changes is None:
            # Their next push shows the gap, and `sync` withholds the texts.
            present, changes = (), []
        start = 0
        for index, event in enumerate(events):
            if event.membership in TAKING and self._part(room, event, shard):
                self._push(room, events[start : index + 1], present, changes)
                start = index + 1
                if start < len(events) and present:
                    present = connections.in_room(room, shard)
        self._push(room, events[start:], present, changes)

    def _part(self, room: str, event: Any, shard: Shard | None) -> bool:
        """Unsubscribes people who may no longer read the room, before the event is pushed: a failed
        push must leave no former member subscribed. Returns False if it cannot concern anybody."""
        version = event.originator_version
        if event.membership == "lost":
            connections = self._services.connections
            connections.unsubscribe(event.user, room, before=version, shard=shard)
            return True
        if version == 1:
            return False  # nobody could read the room before
        self._unsubscribe_gone(room)
        return True

    def _changes(self, room: str, events: Sequence[Any]) -> list[dict[str, Any]] | None:
        """Returns the edits and deletions among the events and, if their push is late, those after
        them in the log; None if there are too many later events to check."""
        found = [e.wire() for e in events if e.message_text in CHANGING]
        services, last = self._services, events[-1].originator_version
        limit = datetime.fromtimestamp(services.seconds() - LATE, UTC)
        if events[0].recorded_at >= limit.isoformat(timespec="microseconds"):
            return found
        known = services.log.cached(room) if services.alone else None
        if known is not None and known.version <= last:
            return found
        later = changes_after(services.log, room, last, LOOKED_AT)
        return None if later is None else found + later

    def _present(
        self, room: str, events: Sequence[Event], shard: Shard | None
    ) -> Sequence[str] | None:
        """Returns the connections that get the events; None if the shards get them."""
        connections, shards = self._services.connections, self._services.shards
        if shard is not None or shards is None:
            return connections.in_room(room, shard)
        present, about = connections.some_in_room(room, LARGE)
        if about <= LARGE:
            return present
        of = 2
        # Powers of two, so that the number, which names the shards' cursors, rarely changes.
        while of * LARGE < about and of < MAX_SHARDS:
            of *= 2
        stored = self._services.log.stored(events)
        shards.enqueue(room, [(one.originator_version, envelope(one)) for one in stored], of)
        return None

    def _push(
        self,
        room: str,
        events: Sequence[Event],
        connections: Sequence[str],
        changes: Sequence[dict[str, Any]],
    ) -> None:
        services = self._services
        self._learn(room, events)
        if not events or not connections:
            return
        shown = [event.wire() for event in events]
        if changes:
            # Frames go to members and other readers alike: nobody gets replaced texts.
            withhold([*shown, *changes], member=False)
        parts = [orjson.dumps(open_event(services.vault, event)) for event in shown]
        authors = [event.by for event in events]
        people = self._people(room, set(authors))
        for frame in frames.events(room, parts, authors, people):
            connections = self._post(connections, frame, room)

    # Closed connections

    def _post(
        self, connections: Sequence[str], frame: bytes, room: str | None = None
    ) -> Sequence[str]:
        """Posts a frame, deletes closed connections and returns the others."""
        gone = self._services.gateway.post(connections, frame)
        if not gone:
            return connections
        young = self._services.connections.young(gone)
        if young:
            # Stored at `$connect`, which the gateway may not have completed yet.
            self._pause(YOUNG_PAUSE)
            still = self._services.gateway.post(young, frame)
            gone = [one for one in gone if one not in young or one in still]
        for connection_id in gone:
            self._forget(connection_id, room)
        return [one for one in connections if one not in gone]

    def _forget(self, connection_id: str, room: str | None) -> None:
        # The others got the frame and must not get it again because of this connection, which the
        # next frame tries again.
        with suppress(*TRANSIENT):
            closed = self._services.connections.close(connection_id, room)
            if closed is not None:
                connection, rooms = closed
                self._services.background.presence_check(connection.user, rooms)

    # Names

    def _learn(self, room: str, events: Sequence[Any]) -> None:
        known = self._known(room)
        full = len(known) > self.NAMES
        if full:
            known.clear()
        named = {event.user: event.name for event in events if event.names_user}
        known.update(named)
        if full or named:
            self._names.weigh(room, known)

    def _known(self, room: str) -> dict[str, Any]:
        """Returns the cached sealed names of a room."""
        if self._services.cursors.durable:
            now = self._services.seconds()
            if now > self._names_since + NAMES_LIFE:
                self._names.clear()
                self._names_since = now
        known = self._names.get(room)
        if known is None:
            known = {}
            self._names.put(room, known)
        return known

    def _people(self, room: str, users: set[str]) -> dict[str, str | None]:
        known = self._known(room)
        missing = [user for user in users if user not in known]
        if missing:
            known.update(names_at_head(self._services.log, self._services.views, room, missing))
            self._names.weigh(room, known)
        return {
            user: open_words(self._services.vault, known[user]) for user in users if user in known
        }

    def skip(self, stream: str, version: int) -> None:
        """The cursor is already behind it. The skipped event may have ended a person's membership,
        which the logs show."""
        if is_person(stream):
            self._close_ended(stream)
        else:
            self._unsubscribe_gone(stream)

    def _close_ended(self, user: str) -> None:
        connections, person = self._services.connections, self._services.log.at_head(user)
        sessions = person.part(OpenSessions).begun if isinstance(person, Person) else ()
        alive = {one for session in sessions for one in connections.of_session(user, session)}
        for connection in connections.of_user(user):
            if connection not in alive:
                self._services.gateway.close(connection, 4401)

    def _unsubscribe_gone(self, room: str) -> None:
        connections = self._services.connections
        standing = Authorising(self._services.log, self._services.alone).standing(room)
        for user in connections.online(room, MAX_MEMBERS):
            if not standing.readable_by(user):
                connections.unsubscribe(user, room)

    def reset(self, stream: str) -> None:
        """Nothing to fold again."""
