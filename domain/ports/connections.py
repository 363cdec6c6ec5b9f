"""Open connections, their subscriptions to rooms, and posting to them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Connection:
    id: str
    user: str
    session: str


Shard = tuple[int, int]
"""`(k, n)`: the k-th, from 0, of n parts of a room's connections. The n parts are disjoint and
together contain all connections."""


class Connections(Protocol):
    """Open connections and their rooms."""

    def open(self, connection: Connection) -> None: ...

    def close(
        self, connection_id: str, room: str | None = None
    ) -> tuple[Connection, list[str]] | None:
        """Deletes a connection; returns it and its rooms, or None if unknown.

        With `room`, in which it was found, it is also removed from there even if it is unknown.
        """
        ...

    def stale(self) -> Iterator[str]:
        """Yields connections older than the maximum age, whose close was not reported. Not for
        paths that a person triggers: it reads all connections."""
        ...

    def young(self, connection_ids: Sequence[str]) -> Sequence[str]:
        """Returns those opened so recently that the gateway may not know them yet."""
        ...

    def subscribe(self, connection_id: str, room: str, version: int = 0) -> bool:
        """Subscribes a connection that saw the room at `version`.

        Returns whether it is the person's first connection in the room.
        """
        ...

    def unsubscribe(
        self, user: str, room: str, before: int | None = None, shard: Shard | None = None
    ) -> None:
        """Removes the person's connections from the room; with `before`, only those that saw it
        below that version, because a person who left and came back has synced since. With `shard`,
        only those in the shard."""
        ...

    def in_room(self, room: str, shard: Shard | None = None) -> Sequence[str]: ...

    def some_in_room(self, room: str, limit: int) -> tuple[Sequence[str], int]:
        """Returns at most `limit` of a room's connections, and their approximate number: exact up
        to `limit`, otherwise a number above it."""
        ...

    def of_user(self, user: str) -> Sequence[str]: ...

    def of_session(self, user: str, session: str) -> Sequence[str]:
        """Returns connections of one of the person's sessions."""
        ...

    def in_room_of(self, user: str, room: str) -> bool: ...

    def online(self, room: str, limit: int) -> list[str]: ...


class Gateway(Protocol):
    """Posts frames to connections, like API Gateway's PostToConnection."""

    def post(self, connection_ids: Sequence[str], frame: bytes) -> list[str]:
        """Sends the frame to each connection; returns the closed ones."""
        ...

    def close(self, connection_id: str, code: int) -> None: ...
