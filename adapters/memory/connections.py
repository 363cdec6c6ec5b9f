"""Connections in dicts. The local engine uses this adapter: no connection outlives the process."""

import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from threading import RLock

from domain.ports.connections import Connection, Shard


class MemoryConnections:
    """Safe to use from several threads; reads return copies."""

    def __init__(self) -> None:
        self._connections: dict[str, Connection] = {}
        self._rooms_of: dict[str, dict[str, int]] = {}
        """Each connection's rooms, with the version that it saw in each."""
        self._in_room: dict[str, dict[str, str]] = {}
        self._users_in: dict[str, dict[str, int]] = {}
        self._of_user: dict[str, set[str]] = {}
        self._lock = RLock()

    def open(self, connection: Connection) -> None:
        with self._lock:
            self._connections[connection.id] = connection
            self._of_user.setdefault(connection.user, set()).add(connection.id)

    def close(
        self, connection_id: str, room: str | None = None
    ) -> tuple[Connection, list[str]] | None:
        with self._lock:
            connection = self._connections.pop(connection_id, None)
            if connection is None:
                return None
            rooms = sorted(self._rooms_of.pop(connection_id, ()))
            for room in rooms:
                self._leave(connection_id, connection.user, room)
            mine = self._of_user[connection.user]
            mine.discard(connection_id)
            if not mine:
                del self._of_user[connection.user]
            return connection, rooms

    def stale(self) -> Iterator[str]:
        return iter(())  # only the caller that closes it gets it

    def young(self, connection_ids: Sequence[str]) -> Sequence[str]:
        return ()  # stored and open at once

    def _leave(self, connection_id: str, user: str, room: str) -> None:
        del self._in_room[room][connection_id]
        users = self._users_in[room]
        users[user] -= 1
        if not users[user]:
            del users[user]
        if not self._in_room[room]:
            del self._in_room[room], self._users_in[room]

    def subscribe(self, connection_id: str, room: str, version: int = 0) -> bool:
        with self._lock:
            connection = self._connections.get(connection_id)
            if connection is None:
                return False
            members = self._in_room.setdefault(room, {})
            users = self._users_in.setdefault(room, {})
            first = connection.user not in users
            if connection_id not in members:
                members[connection_id] = connection.user
                users[connection.user] = users.get(connection.user, 0) + 1
            rooms = self._rooms_of.setdefault(connection_id, {})
            rooms[room] = max(version, rooms.get(room, 0))
            return first

    def unsubscribe(
        self, user: str, room: str, before: int | None = None, shard: Shard | None = None
    ) -> None:
        with self._lock:
            for connection_id in self._of_user.get(user, ()):
                rooms = self._rooms_of.get(connection_id, {})
                if not _within(connection_id, shard):
                    continue
                if room in rooms and (before is None or rooms[room] < before):
                    del rooms[room]
                    self._leave(connection_id, user, room)

    def in_room(self, room: str, shard: Shard | None = None) -> Sequence[str]:
        with self._lock:
            found = list(self._in_room.get(room, ()))
        return found if shard is None else [one for one in found if _within(one, shard)]

    def some_in_room(self, room: str, limit: int) -> tuple[Sequence[str], int]:
        with self._lock:
            found = self._in_room.get(room, {})
            return list(islice(found, limit)), len(found)

    def of_user(self, user: str) -> Sequence[str]:
        with self._lock:
            return sorted(self._of_user.get(user, ()))

    def of_session(self, user: str, session: str) -> Sequence[str]:
        with self._lock:
            mine = sorted(self._of_user.get(user, ()))
            return [one for one in mine if self._connections[one].session == session]

    def in_room_of(self, user: str, room: str) -> bool:
        with self._lock:
            return user in self._users_in.get(room, ())

    def online(self, room: str, limit: int) -> list[str]:
        with self._lock:
            return list(islice(self._users_in.get(room, ()), limit))


def _within(connection_id: str, shard: Shard | None) -> bool:
    return shard is None or zlib.crc32(connection_id.encode()) % shard[1] == shard[0]
