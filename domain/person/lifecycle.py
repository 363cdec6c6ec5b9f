"""A person's registration and erasure."""

from dataclasses import dataclass

from domain.aggregate import NOT_KEPT, Command
from domain.person.person import Person, PersonEvent, decides, require_registered
from domain.protocol.types import Sealed


@dataclass(kw_only=True)
class PersonRegistered(PersonEvent):
    TOPIC = "person.registered"
    name: Sealed

    def apply(self, aggregate: Person) -> None:
        aggregate.name = self.name


@dataclass(kw_only=True)
class PersonErased(PersonEvent):
    """Their key was destroyed and all their sessions ended. The event contains nothing sealed: it
    is written, read and shown without the key."""

    TOPIC = "person.erased"

    def apply(self, aggregate: Person) -> None:
        aggregate.erased = True
        aggregate.name = NOT_KEPT


@dataclass(kw_only=True, slots=True)
class Register(Command):
    name: Sealed


@dataclass(kw_only=True, slots=True)
class Erase(Command):
    """Records that the person's key was destroyed."""


@decides(Register)
def register(person: Person, command: Register) -> int:
    if person.version:
        return person.version
    return person.append(PersonRegistered, command, name=command.name)


@decides(Erase, after_erasure=True)
def erase(person: Person, command: Erase) -> int:
    require_registered(person)
    if person.erased:
        return person.version
    return person.append(PersonErased, command)
