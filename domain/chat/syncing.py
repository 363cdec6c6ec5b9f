"""`sync`: subscribes a connection, then sends what it missed; an incomplete answer is always
marked."""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from domain.aggregate import Event
from domain.chat import frames
from domain.chat.metering import Reads, rows_of_snapshot
from domain.chat.reading import Access, Reading
from domain.chat.services import Services
from domain.chat.signals import signal_recipients
from domain.chat.unsealing import open_facts, open_message, open_words
from domain.consumer import TRANSIENT
from domain.errors import Internal, NotFound, ParleyError, RoomBusy
from domain.metrics import INTERNAL
from domain.ports.background import Work
from domain.ports.connections import Connection
from domain.protocol.client import Sync
from domain.protocol.limits import MAX_FRAME

MAX_EVENTS = 500
"""A client that is behind by more events gets a snapshot instead; of one's own log it gets the
newest ones."""

FRAME_EVENTS = 2_000
"""Events and messages that the answer to one `sync` may read, about 0.2 s, plus MAX_EVENTS of the
last room."""

PIECE = 10
"""Rooms that are read before other people have their turn."""

ONLINE_LIMIT = 100
"""Maximum of people listed as online in an answer."""

SNAPSHOT_MESSAGES = 100
"""Maximum of messages in a snapshot; fewer if 32 KB are full."""

ROOM_BUDGET = frames.EVENTS_BUDGET - 4 * 1024
"""Bytes of events or messages and their authors' names in one room's answer; the rest is for the
people online and for the frame."""


class Syncing:
    def __init__(self, services: Services, reading: Reading) -> None:
        self._services = services
        self._reading = reading

    def sync(self, connection: Connection, frame: Sync) -> Work | None:
        """Answers for the first PIECE rooms; returns the rest of the work."""
        if frame.user is not None:
            for own in self._own_log(connection.user, frame.user):
                self._services.gateway.post([connection.id], own)
        return self._piece(connection, _pack(frame.id, self._parts_of(connection, frame)))

    def _piece(self, connection: Connection, answers: Iterator[bytes | None]) -> Work | None:
        for answer in answers:
            if answer is None:
                return lambda: self._piece(connection, answers)
            if self._services.gateway.post([connection.id], answer):
                return None  # the connection is gone
        return None

    def _parts_of(self, connection: Connection, frame: Sync) -> Iterator[tuple[str, Any] | None]:
        """Yields the rooms' answers in parts, as they are read, and None after each PIECE rooms.

        Once FRAME_EVENTS were read, or the person's allowance is used up, the other rooms are
        `room_busy`: the client requests them again.
        """
        left, reads = FRAME_EVENTS, Reads(self._services, connection.user)
        for count, (room, held) in enumerate(frame.rooms.items(), 1):
            if left <= 0:
                yield room, {"error": RoomBusy.code}
                continue
            parts = self._room(connection, room, held)
            events = sum(len(part.get("events", ())) for part in parts)
            shown = sum(len(part["snapshot"]["messages"]) for part in parts if "snapshot" in part)
            # A snapshot that the client did not ask for is charged when it turns out to be one.
            unasked = shown and held is not None
            paid = reads.charge(events + (rows_of_snapshot() if unasked else 0))
            left = left - events - shown if paid else 0
            for part in parts:
                yield room, part
            if count % PIECE == 0:
                yield None

    def _own_log(self, user: str, after: int) -> Iterator[bytes]:
        events = self._services.log.newest(user, after=after, limit=MAX_EVENTS)
        return frames.user(self._reading.open_events(events))

    def _room(self, connection: Connection, room: str, held: int | None) -> list[dict[str, Any]]:
        """Returns the room's answer in parts that each fit a frame."""
        connections, user = self._services.connections, connection.user
        try:
            seen = self._reading.authorising.require(room, user).version
            arrived = connections.subscribe(connection.id, room, seen)
            try:
                # Read after subscribing: later events are pushed. Checked again, because a member
                # removed in between would otherwise stay subscribed.
                answer = self._since(room, user, held)
            except NotFound:
                connections.unsubscribe(user, room)
                raise
        except ParleyError as refusal:
            if isinstance(refusal, Internal):
                self._services.metrics.add(INTERNAL)
            return [{"error": refusal.code}]
        if arrived:
            self._announce(connection, room)
        answer[-1]["online"] = connections.online(room, ONLINE_LIMIT)
        return answer

    def _announce(self, connection: Connection, room: str) -> None:
        others = signal_recipients(self._services.connections, room, apart_from=connection.id)
        self._services.gateway.post(others, frames.presence(room, connection.user, "online"))

    def _since(self, room: str, user: str, held: int | None) -> list[dict[str, Any]]:
        if held is not None:
            access = self._reading.access(room, user)
            if access.view.version - MAX_EVENTS <= held <= access.view.version:
                events = self._missed(room, held)
                if events is not None:
                    return self._parts(access, held, events)
        return [self._snapshot(room, user)]

    def _missed(self, room: str, held: int) -> list[Event] | None:
        """Returns the events above `held`; None if one of them cannot be read."""
        try:
            return self._services.log.events(room, after=held)
        except TRANSIENT:
            raise
        except Exception:
            return None

    def _parts(self, access: Access, held: int, events: list[Event]) -> list[dict[str, Any]]:
        head = events[-1].originator_version if events else held
        encoded = [orjson.dumps(event) for event in self._reading.open_to_head(access, events)]
        parts: list[dict[str, Any]] = []
        done = 0
        authors = [event.by for event in events]
        for run in frames.chunks(encoded, ROOM_BUDGET, authors):
            own = set(authors[done : done + len(run)])
            done += len(run)
            parts.append(
                {
                    "head": head,
                    "complete": done == len(events),
                    "events": [orjson.Fragment(part) for part in run],
                    "people": self._reading.people(access, own),
                }
            )
        return parts or [{"head": head, "complete": True, "events": [], "people": {}}]

    def _snapshot(self, room: str, user: str) -> dict[str, Any]:
        access, page = self._reading.page(room, user, None, SNAPSHOT_MESSAGES)
        vault = self._services.vault
        facts, named = open_facts(vault, access.view)
        budget = ROOM_BUDGET - len(orjson.dumps(facts)) - len(named) * frames.NAME_BYTES
        # Only messages that the frame has space for are opened, and the one after them.
        encoded = (orjson.dumps(open_message(vault, message)) for message in reversed(page))
        authors = (message["by"] for message in reversed(page))
        newest = next(frames.chunks(encoded, budget, authors), [])
        shown = page[len(page) - len(newest) :]
        return {
            "head": access.view.version,
            "complete": False,
            "snapshot": {
                **self._about(access, user),
                **({"facts": facts} if facts else {}),
                "messages": [orjson.Fragment(part) for part in reversed(newest)],
                "people": self._reading.people(
                    access, (*named, *(message["by"] for message in shown))
                ),
            },
        }

    def _about(self, access: Access, user: str) -> dict[str, Any]:
        view = access.view
        return {
            "version": view.version,
            "name": open_words(self._services.vault, view.name),
            "kind": view.kind or "private",
            "role": access.role,
            "member_count": view.member_count,
            "unread": self._reading.unread(access, user),
        }


def _pack(id: str, parts: Iterable[tuple[str, Any] | None]) -> Iterator[bytes | None]:
    """Packs rooms' answers into as few `synced` frames as 32 KB allow; passes None on."""
    packed: dict[str, Any] = {}
    size = 0
    for answer in parts:
        if answer is None:
            yield None
            continue
        room, part = answer
        encoded = orjson.dumps(part)
        # Two parts of one room never share a frame, because a frame's rooms are an object.
        if packed and (size + len(encoded) > MAX_FRAME - 256 or room in packed):
            yield orjson.dumps({"type": "synced", "id": id, "rooms": packed, "more": True})
            packed, size = {}, 0
        packed[room] = orjson.Fragment(encoded)
        size += len(encoded) + len(room) + 4
    yield orjson.dumps({"type": "synced", "id": id, "rooms": packed})
