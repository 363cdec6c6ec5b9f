"""The use cases: what a handler calls, one per thing that somebody wants."""

from collections.abc import Sequence
from typing import Any

import orjson
from pydantic import ValidationError

from domain.chat import frames
from domain.chat.commanding import Commanding
from domain.chat.consumers import Deliver, ProjectViews, TrackMemberships
from domain.chat.entering import Entering
from domain.chat.reading import Reading
from domain.chat.services import Services
from domain.chat.syncing import Syncing
from domain.consuming import Consuming, Record
from domain.errors import Internal, Invalid, ParleyError, Unauthenticated
from domain.ports import Connection, Session
from domain.protocol import client as wire

__all__ = ["Chat", "Services"]


class Chat:
    """All use cases over one set of services."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.entering = Entering(services)
        self.reading = Reading(services)
        self._commanding = Commanding(services, self.reading)
        self._syncing = Syncing(services, self.reading)
        self.consuming = {
            consumer.name: Consuming(consumer, services.log, services.progress, services.now)
            for consumer in (
                ProjectViews(services),
                TrackMemberships(services),
                Deliver(services),
            )
        }

    def connect(self, connection_id: str, session: Session) -> None:
        """Notes a connection; what it wants to hear it says by `sync`.

        Raises
        ------
        Unauthenticated: the session ended since its ticket was redeemed.
        """
        self.services.connections.open(Connection(connection_id, session.user, session.session))
        # Looked at after it is noted: an end that comes later finds it and closes it.
        if not self.entering.lives(session):
            self.services.connections.close(connection_id)
            raise Unauthenticated

    def disconnect(self, connection_id: str) -> None:
        closed = self.services.connections.close(connection_id)
        if closed is not None:
            connection, rooms = closed
            self.services.background.presence_check(connection.user, rooms)

    def settle_presence(self, user: str, rooms: Sequence[str]) -> None:
        """Tells rooms that a person is gone, where they did not come back meanwhile."""
        connections = self.services.connections
        for room in rooms:
            if not connections.in_room_of(user, room):
                frame = frames.presence(room, user, "offline")
                self.services.gateway.post(connections.in_room(room), frame)

    def receive(self, connection: Connection, body: str) -> None:
        """Takes one client frame; answers go to the connection, refusals too."""
        id: str | None = None
        try:
            frame = parse(body)
            id = frame.id
            self._dispatch(connection, frame)
        except ParleyError as refusal:
            self.services.gateway.post([connection.id], frames.error(refusal, id or _id_of(body)))

    def _dispatch(self, connection: Connection, frame: Any) -> None:
        if isinstance(frame, wire.Read):
            self._commanding.read(connection, frame)
        elif isinstance(frame, wire.Command):
            self._commanding.command(connection, frame)
        elif isinstance(frame, wire.Sync):
            self.services.background.run(lambda: self._sync(connection, frame))
        elif isinstance(frame, wire.Typing):
            self._commanding.typing(connection, frame)
        else:
            self.services.gateway.post([connection.id], frames.PONG)

    def _sync(self, connection: Connection, frame: wire.Sync) -> None:
        try:
            self._syncing.sync(connection, frame)
        except ParleyError as refusal:
            self.services.gateway.post([connection.id], frames.error(refusal, frame.id))
        except Exception:
            self.services.gateway.post([connection.id], frames.error(Internal(), frame.id))
            raise

    def consume(self, consumer: str, records: Sequence[Record]) -> list[str]:
        """Feeds queue records to a consumer; returns the ids of those to retry."""
        return self.consuming[consumer].consume(records)


def parse(body: str) -> Any:
    """Returns the client frame in `body`.

    Raises
    ------
    Invalid: naming the first field at fault, never its value.
    """
    try:
        return wire.client_frame.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        if first["type"] == "union_tag_invalid":
            raise Invalid("action: none of the protocol's") from None
        where = ".".join(str(part) for part in first["loc"][1:4])[:100] or "frame"
        raise Invalid(f"{_printable(where)}: {first['msg'][:200]}") from None
    except (ValueError, RecursionError):
        raise Invalid("frame: not JSON that can be read") from None


def _printable(where: str) -> str:
    """A location may hold a client's own key: let through only what names have."""
    return "".join(char if char.isalnum() or char in "._-" else "?" for char in where)


def _id_of(body: str) -> str | None:
    """Returns the id of a frame that is not valid otherwise, where it can be read."""
    try:
        frame = orjson.loads(body)
    except ValueError:
        return None
    id = frame.get("id") if isinstance(frame, dict) else None
    if isinstance(id, str) and 0 < len(id) <= 64 and all("!" <= char <= "~" for char in id):
        return id
    return None
