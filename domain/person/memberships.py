"""The rooms that a person is or was in, as the rooms' logs report them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.aggregate import Command
from domain.person.person import (
    ENTRY_BYTES,
    Part,
    Person,
    PersonEvent,
    decides,
    require_registered,
)
from domain.protocol.types import Role


@dataclass
class Memberships(Part):
    """By room: (role, None after the room was lost; version of the room's event)."""

    by_room: dict[str, tuple[str | None, int]] = field(default_factory=dict)

    def knows(self, room: str, version: int) -> bool:
        """Returns whether a room's event of a version, or a later one, was reported: the later one
        counts, in whatever order they are reported."""
        return self.by_room.get(room, (None, 0))[1] >= version

    def snapshot(self) -> dict[str, Any]:
        return {"rooms": [[room, *known] for room, known in self.by_room.items()]}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.by_room = {room: (role, version) for room, role, version in state["rooms"]}

    def weight(self) -> int:
        return len(self.by_room) * ENTRY_BYTES


@dataclass(kw_only=True)
class RoomGained(PersonEvent):
    """They became a member, or their role in the room changed; `room_version` is the version of the
    room's event."""

    TOPIC = "person.room-gained"
    room: str
    role: Role
    room_version: int

    def apply(self, aggregate: Person) -> None:
        aggregate.part(Memberships).by_room[self.room] = (self.role, self.room_version)


@dataclass(kw_only=True)
class RoomLost(PersonEvent):
    TOPIC = "person.room-lost"
    room: str
    room_version: int

    def apply(self, aggregate: Person) -> None:
        aggregate.part(Memberships).by_room[self.room] = (None, self.room_version)


@dataclass(kw_only=True, slots=True)
class GainRoom(Command):
    room: str
    role: str
    room_version: int


@dataclass(kw_only=True, slots=True)
class LoseRoom(Command):
    room: str
    room_version: int


@decides(GainRoom, after_erasure=True)
def gain_room(person: Person, command: GainRoom) -> int:
    require_registered(person)
    if person.part(Memberships).knows(command.room, command.room_version):
        return person.version
    return person.append(
        RoomGained,
        command,
        room=command.room,
        role=command.role,
        room_version=command.room_version,
    )


@decides(LoseRoom, after_erasure=True)
def lose_room(person: Person, command: LoseRoom) -> int:
    require_registered(person)
    if person.part(Memberships).knows(command.room, command.room_version):
        return person.version
    return person.append(RoomLost, command, room=command.room, room_version=command.room_version)
