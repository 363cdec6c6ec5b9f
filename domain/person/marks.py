"""A person's read marks: the version up to which they have read each room."""

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


@dataclass
class Marks(Part):
    """By room: (version read, version of the person's event)."""

    by_room: dict[str, tuple[int, int]] = field(default_factory=dict)

    def snapshot(self) -> dict[str, Any]:
        return {"marks": [[room, *mark] for room, mark in self.by_room.items()]}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.by_room = {room: (mark, own) for room, mark, own in state["marks"]}

    def weight(self) -> int:
        return len(self.by_room) * ENTRY_BYTES


@dataclass(kw_only=True)
class ReadMarked(PersonEvent):
    TOPIC = "person.read-marked"
    room: str
    version: int

    def apply(self, aggregate: Person) -> None:
        aggregate.part(Marks).by_room[self.room] = (self.version, self.originator_version)


@dataclass(kw_only=True, slots=True)
class MarkRead(Command):
    room: str
    version: int


@decides(MarkRead)
def mark_read(person: Person, command: MarkRead) -> int:
    """A mark only moves forward."""
    require_registered(person)
    version, own = person.part(Marks).by_room.get(command.room, (0, 0))
    if command.version <= version:
        return own
    return person.append(ReadMarked, command, room=command.room, version=command.version)
