"""Views in dicts."""

import copy
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

from domain.protocol.types import Sealed
from domain.room.view import Message, RoomView


@dataclass
class _Room:
    header: dict[str, Any]
    messages: dict[int, Message] = field(default_factory=dict)
    members: dict[str, dict[str, Any]] = field(default_factory=dict)


class MemoryViews:
    """Copies on the way in and out, as a database would."""

    def __init__(self) -> None:
        self._rooms: dict[str, _Room] = {}
        self._people: dict[str, tuple[int, dict[str, int]]] = {}
        self._lock = RLock()

    def header(self, room: str) -> dict[str, Any] | None:
        found = self._rooms.get(room)
        return dict(found.header) if found else None

    def headers(self, rooms: Sequence[str]) -> dict[str, dict[str, Any]]:
        return {room: dict(self._rooms[room].header) for room in rooms if room in self._rooms}

    def fold_base(self, room: str) -> dict[str, Any] | None:
        return self.header(room)

    def refresh(self, stream: str) -> None:
        """Nothing is remembered."""

    def message(self, room: str, version: int) -> Message | None:
        found = self._rooms.get(room)
        return copy.deepcopy(found.messages.get(version)) if found else None

    def folded_message(self, room: str, version: int) -> tuple[Message, int] | None:
        with self._lock:
            message = self.message(room, version)
            return None if message is None else (message, self._rooms[room].header["version"])

    def messages_at(self, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Message]:
        found = {key: self.message(*key) for key in keys}
        return {key: message for key, message in found.items() if message is not None}

    def page(self, room: str, before: int | None, limit: int) -> list[Message]:
        found = self._rooms.get(room)
        if found is None:
            return []
        versions = sorted(found.messages)
        end = len(versions) if before is None else bisect_left(versions, before)
        return [copy.deepcopy(found.messages[v]) for v in versions[max(0, end - limit) : end]]

    def ordinal(self, room: str, version: int) -> int:
        found = self._rooms.get(room)
        versions = sorted(found.messages) if found else []
        index = bisect_right(versions, version)
        return found.messages[versions[index - 1]]["n"] if found and index else 0

    def ordinals(self, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
        return {key: self.ordinal(*key) for key in keys}

    def member(self, room: str, user: str) -> dict[str, Any] | None:
        found = self._rooms.get(room)
        row = found.members.get(user) if found else None
        return dict(row) if row else None

    def members(self, room: str, after: str, limit: int) -> list[dict[str, Any]]:
        found = self._rooms.get(room)
        rows = sorted(found.members.items()) if found else []
        present = [
            {"user": user, "name": row["name"], "role": row["role"]}
            for user, row in rows
            if user > after and row["role"] is not None
        ]
        return present[:limit]

    def names(self, room: str, users: Sequence[str]) -> dict[str, Sealed]:
        found = self._rooms.get(room)
        return {u: found.members[u]["name"] for u in users if found and u in found.members}

    def names_of(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Sealed]:
        return {
            (room, user): name for room, user in keys for name in self.names(room, [user]).values()
        }

    def rooms_of(
        self, user: str, after: str = "", limit: int | None = None
    ) -> list[tuple[str, str, int]]:
        found = [
            (room, row["role"], row["posted"])
            for room, kept in sorted(self._rooms.items())
            if room > after and (row := kept.members.get(user)) and row["role"] is not None
        ]
        return found[:limit]

    def roles_of(self, user: str, rooms: Sequence[str]) -> dict[str, str]:
        rows = {room: self.member(room, user) for room in rooms}
        return {room: row["role"] for room, row in rows.items() if row and row["role"] is not None}

    def listed_rooms(self, after: str = "", limit: int | None = None) -> list[str]:
        open_kinds = ("public", "broadcast")
        found = [
            room
            for room, kept in sorted(self._rooms.items())
            if room > after and kept.header["kind"] in open_kinds
        ]
        return found[:limit]

    def save_room(self, room: str, expected: int, view: RoomView) -> bool:
        with self._lock:
            kept = self._rooms.get(room)
            if (kept.header["version"] if kept else 0) != expected:
                return False
            kept = self._rooms.setdefault(room, _Room({}))
            kept.header = view.header()
            for version in view.changed:
                kept.messages[version] = copy.deepcopy(view.messages[version])
            for user, patch in view.members.items():
                row = kept.members.setdefault(user, {"name": None, "role": None, "posted": 0})
                row.update(patch)
            for user, version in view.posted.items():
                row = kept.members.setdefault(user, {"name": None, "role": None, "posted": 0})
                row["posted"] = version
            return True

    def put_message(self, room: str, message: Message) -> None:
        """Puts a message in place of the one of its version."""
        with self._lock:
            self._rooms[room].messages[message["version"]] = copy.deepcopy(message)

    def reset_room(self, room: str) -> None:
        self._rooms.pop(room, None)

    def person_version(self, user: str) -> int:
        return self._people.get(user, (0, {}))[0]

    def marks(self, user: str, rooms: Sequence[str] | None = None) -> dict[str, int]:
        marks = self._people.get(user, (0, {}))[1]
        return {room: mark for room, mark in marks.items() if rooms is None or room in rooms}

    def save_person(self, user: str, expected: int, version: int, marks: Mapping[str, int]) -> bool:
        with self._lock:
            held, kept = self._people.get(user, (0, {}))
            if held != expected:
                return False
            self._people[user] = (version, {**kept, **marks})
            return True

    def forget_person(self, user: str) -> None:
        with self._lock:
            version, _ = self._people.get(user, (0, {}))
            if version:
                self._people[user] = (version, {})
            for kept in self._rooms.values():
                row = kept.members.get(user)
                if row is not None and row["role"] is not None:
                    row["name"] = None

    def reset_person(self, user: str) -> None:
        self._people.pop(user, None)

    def dump(self) -> Iterator[dict[str, Any]]:
        for room, kept in sorted(self._rooms.items()):
            yield {"room": room, **kept.header}
            for user, row in sorted(kept.members.items()):
                yield {"room": room, "user": user, **row}
            for _, message in sorted(kept.messages.items()):
                yield {"room": room, "message": copy.deepcopy(message)}
        for user, (version, marks) in sorted(self._people.items()):
            yield {"person": user, "version": version, "marks": dict(sorted(marks.items()))}

    def clear(self) -> None:
        self._rooms.clear()
        self._people.clear()
