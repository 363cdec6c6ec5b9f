"""The files of older chats that a person imported, each once per room."""

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
class Imports(Part):
    """Imported files as (room, SHA-256 of the content)."""

    files: set[tuple[str, str]] = field(default_factory=set)

    def snapshot(self) -> dict[str, Any]:
        return {"files": sorted(self.files)}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.files = {(room, file) for room, file in state["files"]}

    def weight(self) -> int:
        return len(self.files) * ENTRY_BYTES


@dataclass(kw_only=True)
class FileImported(PersonEvent):
    """A file was imported completely into a room; `file` is the SHA-256 of its content."""

    TOPIC = "person.file-imported"
    room: str
    file: str

    def apply(self, aggregate: Person) -> None:
        aggregate.part(Imports).files.add((self.room, self.file))


@dataclass(kw_only=True, slots=True)
class NoteImport(Command):
    room: str
    file: str


@decides(NoteImport)
def note_import(person: Person, command: NoteImport) -> int:
    require_registered(person)
    if (command.room, command.file) in person.part(Imports).files:
        return person.version
    return person.append(FileImported, command, room=command.room, file=command.file)
