"""The consumers of the log: views, people's own rooms, delivery."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import orjson

from domain.aggregate import Event
from domain.chat import frames
from domain.chat.opening import names_at_head, open_event, open_words
from domain.chat.services import Services
from domain.consuming import Transient
from domain.errors import NotFound, ParleyError
from domain.executing import outcomes_of
from domain.log import is_person
from domain.person.person import GainRoom, LoseRoom, ReadMarked, SessionEnded
from domain.projections.room_view import RoomView
from domain.room.room import MemberJoined, MemberLeft, MemberRenamed, RoleChanged


class ProjectViews:
    """Folds rooms and read marks into the views."""

    name = "project_views"
    gapless = True

    def __init__(self, services: Services) -> None:
        self._views = services.views

    def last(self, stream: str) -> int:
        if is_person(stream):
            return self._views.person_version(stream)
        header = self._views.header(stream)
        return header["version"] if header else 0

    def apply(self, stream: str, events: Sequence[Event]) -> None:
        if is_person(stream):
            marks = {e.room: e.version for e in events if isinstance(e, ReadMarked)}
            before, after = events[0].originator_version - 1, events[-1].originator_version
            kept = self._views.save_person(stream, before, after, marks)
        else:
            view, before = self._open(stream)
            view.apply_all(event.wire() for event in events)
            kept = self._views.save_room(stream, before, view)
        if not kept:
            raise Transient(f"the view of {stream} moved meanwhile")

    def _open(self, room: str) -> tuple[RoomView, int]:
        view = RoomView(lambda version: self._views.message(room, version))
        header = self._views.header(room)
        if header is not None:
            view.restore(header)
        return view, view.version

    def skip(self, stream: str, version: int) -> None:
        if is_person(stream):
            before = self._views.person_version(stream)
            kept = self._views.save_person(stream, before, version, {})
        else:
            view, before = self._open(stream)
            view.version = version
            kept = self._views.save_room(stream, before, view)
        if not kept:
            raise Transient(f"the view of {stream} moved meanwhile")

    def reset(self, stream: str) -> None:
        if is_person(stream):
            self._views.reset_person(stream)
        else:
            self._views.reset_room(stream)


class TrackMemberships:
    """Tells people's own logs of rooms that they gained or lost.

    It keeps no progress: a person's log knows the room version that it heard of last, so events
    may come twice, late and in any order, and those of other topics need not come at all.
    """

    name = "track_memberships"
    gapless = False
    topics = (MemberJoined.TOPIC, MemberLeft.TOPIC, RoleChanged.TOPIC)

    def __init__(self, services: Services) -> None:
        self._executor = services.executor
        self._now = services.now

    def last(self, stream: str) -> int | None:
        return None

    def apply(self, stream: str, events: Sequence[Event]) -> None:
        batches: dict[str, list[GainRoom | LoseRoom]] = {}
        for event in events:
            if isinstance(event, MemberJoined | MemberLeft | RoleChanged):
                batches.setdefault(event.user, []).append(self._command(stream, event))
        for outcomes in outcomes_of(self._executor, list(batches.items())):
            for outcome in outcomes:
                # Of somebody unknown there is no log to tell; anything else may pass.
                if isinstance(outcome, ParleyError) and not isinstance(outcome, NotFound):
                    raise Transient(outcome.code)

    def _command(
        self, room: str, event: MemberJoined | MemberLeft | RoleChanged
    ) -> GainRoom | LoseRoom:
        common: dict[str, Any] = {
            "by": event.by,
            # A space, which clients' ids cannot have, keeps it from meeting one of theirs.
            "id": f"{room} {event.originator_version}",
            "at": event.at,
            "recorded_at": self._now(),
            "digest": "",
            "room": room,
            "room_version": event.originator_version,
        }
        if isinstance(event, MemberLeft):
            return LoseRoom(**common)
        return GainRoom(role=event.role, **common)

    def skip(self, stream: str, version: int) -> None:
        """Nothing to move past."""

    def reset(self, stream: str) -> None:
        """Nothing to forget: what is told again changes nothing."""


class Deliver:
    """Pushes events to those who are connected.

    What it keeps of a room (last version, names) is a memory of what passed: losing it costs a
    look into the views, and clients drop a repeated event.
    """

    name = "deliver"
    gapless = True
    MEMORY = 10_000
    """Streams remembered."""

    NAMES = 2_000
    """Names remembered of a room."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._last: OrderedDict[str, int] = OrderedDict()
        self._names: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def last(self, stream: str) -> int | None:
        return self._last.get(stream)

    def apply(self, stream: str, events: Sequence[Event]) -> None:
        if is_person(stream):
            self._push_own(stream, events)
        else:
            self._push_room(stream, events)
        self._remember(stream, events[-1].originator_version)

    def _remember(self, stream: str, version: int) -> None:
        self._last[stream] = version
        self._last.move_to_end(stream)
        if len(self._last) > self.MEMORY:
            self._last.popitem(last=False)

    def _push_own(self, user: str, events: Sequence[Event]) -> None:
        services = self._services
        connections = services.connections.of_user(user)
        if not connections:
            return
        opened = [open_event(services.vault, event.wire()) for event in events]
        for frame in frames.user(opened):
            services.gateway.post(connections, frame)
        for event in events:
            if isinstance(event, SessionEnded):
                for connection in services.connections.of_session(event.session):
                    services.gateway.close(connection, 4401)

    def _push_room(self, room: str, events: Sequence[Event]) -> None:
        """Pushes in as few frames as 32 KB allow; one who leaves gets that event as the last."""
        start = 0
        for index, event in enumerate(events):
            if isinstance(event, MemberLeft):
                self._push(room, events[start : index + 1])
                self._services.connections.unsubscribe(
                    event.user, room, before=event.originator_version
                )
                start = index + 1
        self._push(room, events[start:])

    def _push(self, room: str, events: Sequence[Event]) -> None:
        services = self._services
        connections = services.connections.in_room(room)
        self._learn(room, events)
        if not events or not connections:
            return
        parts = [orjson.dumps(open_event(services.vault, event.wire())) for event in events]
        authors = [event.by for event in events]
        people = self._people(room, set(authors))
        for frame in frames.events(room, parts, authors, people):
            for gone in services.gateway.post(connections, frame):
                self._forget(gone)

    def _forget(self, connection_id: str) -> None:
        closed = self._services.connections.close(connection_id)
        if closed is not None:
            connection, rooms = closed
            self._services.background.presence_check(connection.user, rooms)

    def _learn(self, room: str, events: Sequence[Event]) -> None:
        known = self._known(room)
        if len(known) > self.NAMES:
            known.clear()
        for event in events:
            if isinstance(event, MemberJoined | MemberRenamed):
                known[event.user] = event.name

    def _known(self, room: str) -> dict[str, Any]:
        """Returns the sealed names met in a room."""
        known = self._names.setdefault(room, {})
        self._names.move_to_end(room)
        if len(self._names) > self.MEMORY:
            self._names.popitem(last=False)
        return known

    def _people(self, room: str, users: set[str]) -> dict[str, str | None]:
        known = self._known(room)
        missing = [user for user in users if user not in known]
        if missing:
            known.update(names_at_head(self._services.log, self._services.views, room, missing))
        return {
            user: open_words(self._services.vault, known[user]) for user in users if user in known
        }

    def skip(self, stream: str, version: int) -> None:
        self._remember(stream, version)

    def reset(self, stream: str) -> None:
        """Nothing to fold anew: who was connected then has synced since."""
