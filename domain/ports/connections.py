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
"""`(k, n)`: the k-th, from 0, of n parts of a room's connections. The parts of any n are disjoint
and have all connections between them."""


class Connections(Protocol):
    """Who is connected, and to which rooms."""

    def open(self, connection: Connection) -> None: ...

    def close(
        self, connection_id: str, room: str | None = None
    ) -> tuple[Connection, list[str]] | None:
        """Forgets a connection; returns it and the rooms it had, or None if unknown.

        With `room`, where it was met, it is not met there again even if it is unknown.
        """
        ...

    def stale(self) -> Iterator[str]:
        """Yields connections older than any can be, whose closing nobody told. Not for paths
        that a person triggers: it reads them all."""
        ...

    def young(self, connection_ids: Sequence[str]) -> Sequence[str]:
        """Returns those opened so lately that the gateway may not know them yet."""
        ...

    def subscribe(self, connection_id: str, room: str, version: int = 0) -> bool:
        """Subscribes a connection that saw the room at `version`.

        Returns whether it is the person's first connection in the room.
        """
        ...

    def unsubscribe(
        self, user: str, room: str, before: int | None = None, shard: Shard | None = None
    ) -> None:
        """Takes the person's connections out of the room; with `before`, those alone that saw
        it below that version: who left and came back has synced since. With `shard`, those
        alone that are in it."""
        ...

    def in_room(self, room: str, shard: Shard | None = None) -> Sequence[str]: ...

    def some_in_room(self, room: str, limit: int) -> tuple[Sequence[str], int]:
        """Returns at most `limit` of a room's connections and about how many it has: exactly
        where that is no more than `limit`, else a number above it."""
        ...

    def of_user(self, user: str) -> Sequence[str]: ...

    def of_session(self, user: str, session: str) -> Sequence[str]:
        """Returns connections of one of the person's sessions."""
        ...

    def in_room_of(self, user: str, room: str) -> bool: ...

    def online(self, room: str, limit: int) -> list[str]: ...


class Gateway(Protocol):
    """Posts frames to connections, as API Gateway's PostToConnection does."""

    def post(self, connection_ids: Sequence[str], frame: bytes) -> list[str]:
        """Sends the frame to each; returns those that are gone."""
        ...

    def close(self, connection_id: str, code: int) -> None: ...
