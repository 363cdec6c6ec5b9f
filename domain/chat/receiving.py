"""Reads, dispatches and answers client frames."""

from typing import Any

import orjson
from pydantic import ValidationError

from domain.chat import Chat, frames
from domain.chat.commanding import Commanding
from domain.chat.metering import spend_read, spend_sync
from domain.chat.pinging import Pinging
from domain.chat.syncing import Syncing
from domain.errors import Internal, Invalid, ParleyError
from domain.metrics import INTERNAL
from domain.ports.background import Work
from domain.ports.connections import Connection
from domain.protocol import client as wire


class Receiving:
    """Handles the frames of connections. An instance keeps no state between frames; the use cases
    do."""

    def __init__(self, chat: Chat) -> None:
        self._services = chat.services
        self._commanding = Commanding(chat.services, chat.reading, chat.preparing)
        self._syncing = Syncing(chat.services, chat.reading)
        self._pinging = Pinging(chat.services, chat.reading)

    def receive(self, connection: Connection, body: str) -> None:
        """Handles one client frame; answers and errors go to the connection."""
        id: str | None = None
        try:
            frame = self._parse(connection, body)
            id = frame.id
            self._dispatch(connection, frame)
        except ParleyError as refusal:
            self._refuse(connection, refusal, id or frame_id(body))

    def _parse(self, connection: Connection, body: str) -> Any:
        try:
            return parse(body)
        except Invalid:
            # Reading an invalid frame costs as much as reading a valid one.
            spend_read(self._services, connection.user)
            raise

    def _dispatch(self, connection: Connection, frame: Any) -> None:
        if isinstance(frame, wire.Read):
            self._commanding.read(connection, frame)
        elif isinstance(frame, wire.Command):
            self._commanding.command(connection, frame)
        elif isinstance(frame, wire.Sync):
            snapshots = sum(held is None for held in frame.rooms.values())
            held = len(frame.rooms) - snapshots
            spend_sync(self._services, connection.user, held, snapshots)
            self._apart(lambda: self._syncing.sync(connection, frame), connection, frame)
        elif isinstance(frame, wire.Typing):
            self._commanding.typing(connection, frame)
        else:
            self._ping(connection, frame)

    def _ping(self, connection: Connection, frame: wire.Ping) -> None:
        spend_sync(self._services, connection.user, held=len(frame.rooms), snapshots=0)
        if frame.asks:
            self._apart(lambda: self._pinging.ping(connection, frame), connection, frame)
        else:
            self._services.gateway.post([connection.id], frames.PONG)

    def _apart(self, work: Work, connection: Connection, frame: Any) -> None:
        """Answers a frame off the event loop. Raises RateLimited if too many wait."""
        self._services.background.run(
            lambda: self._answer(work, connection, frame), owner=connection.user
        )

    def _answer(self, work: Work, connection: Connection, frame: Any) -> Work | None:
        """Does a piece of the work; returns the rest."""
        try:
            rest = work()
        except ParleyError as refusal:
            self._refuse(connection, refusal, frame.id)
        except Exception:
            self._services.gateway.post([connection.id], frames.error(Internal(), frame.id))
            raise
        else:
            return None if rest is None else lambda: self._answer(rest, connection, frame)
        return None

    def _refuse(self, connection: Connection, refusal: ParleyError, id: str | None) -> None:
        if isinstance(refusal, Internal):
            self._services.metrics.add(INTERNAL)
        self._services.gateway.post([connection.id], frames.error(refusal, id))


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
    """A location may contain a client's own key: accept only the characters of names."""
    return "".join(char if char.isalnum() or char in "._-" else "?" for char in where)


def frame_id(body: str) -> str | None:
    """Returns the id of a frame, even of an invalid one; None if it cannot be read."""
    try:
        frame = orjson.loads(body)
    except ValueError:
        return None
    id = frame.get("id") if isinstance(frame, dict) else None
    if isinstance(id, str) and 0 < len(id) <= 64 and all("!" <= char <= "~" for char in id):
        return id
    return None
