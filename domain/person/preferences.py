"""A person's preferences: whether they want notices by mail."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.aggregate import Command
from domain.person.person import Part, Person, PersonEvent, decides, require_registered


@dataclass
class NoticePreferences(Part):
    mail: bool = False

    def snapshot(self) -> dict[str, Any]:
        return {"mail": self.mail}

    def restore(self, state: Mapping[str, Any]) -> None:
        # Snapshots of earlier releases do not have it.
        self.mail = state.get("mail", False)


@dataclass(kw_only=True)
class NoticesSet(PersonEvent):
    """Whether they want mail about mentions and direct messages."""

    TOPIC = "person.notices-set"
    mail: bool

    def apply(self, aggregate: Person) -> None:
        aggregate.part(NoticePreferences).mail = self.mail


@dataclass(kw_only=True, slots=True)
class SetNotices(Command):
    mail: bool


@decides(SetNotices)
def set_notices(person: Person, command: SetNotices) -> int:
    require_registered(person)
    if person.part(NoticePreferences).mail == command.mail:
        return person.version
    return person.append(NoticesSet, command, mail=command.mail)
