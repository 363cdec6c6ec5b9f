"""The person aggregate: code that all its concerns share.

Each concern (`lifecycle`, `sessions`, `marks`, `memberships`, `invitations`, `preferences`,
`imports`) is a module with its events, its part of the state, its commands and its decisions;
`domain/person` imports them all. Topics and field names are a STORAGE FORMAT (docs/events.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from domain import concerns
from domain.aggregate import Command, Event, MessageOf, Snapshot, restore_window, window_state
from domain.errors import NotFound, Unauthenticated
from domain.protocol.types import Sealed

ENTRY_BYTES = 200
"""Bytes of a room, a read mark, a file or a session in memory (measured by
tests/unit/test_memory.py)."""

PERSON_EVENTS: list[type["PersonEvent"]] = []
"""All events of a person. Defining a subclass of PersonEvent adds it."""


@dataclass(kw_only=True)
class PersonEvent(Event):
    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        PERSON_EVENTS.append(cls)

    @staticmethod
    def empty(originator_id: str) -> "Person":
        return Person(originator_id)


class Part(concerns.Part):
    """A concern's part of the aggregate's state. Defining a subclass adds it to every person."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        PARTS.append(cls)


PARTS: list[type[Part]] = []


@dataclass(kw_only=True)
class PersonSnapshot(Snapshot):
    TOPIC = "person.snapshot"

    def mutate(self, _: None) -> "Person":
        person = Person(self.originator_id)
        person.version = self.originator_version
        person.name = self.state["name"]
        # Snapshots of earlier releases have no `erased`.
        person.erased = self.state.get("erased", False)
        person.restore_parts(self.state)
        restore_window(person, self.state)
        return person


class Person(concerns.Composed):
    """Name (sealed), whether they were erased, and the parts of the concerns."""

    snapshot_class = PersonSnapshot
    part_classes = PARTS
    part_bytes = 130
    unlisted = frozenset(
        {"Imports", "Invitations", "Marks", "Memberships", "NoticePreferences", "OpenSessions"}
    )

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.name: Sealed = {}
        self.erased = False

    def snapshot_state(self) -> dict[str, Any]:
        own = {"name": self.name, "erased": self.erased}
        return {**self.parts_state(), **own, **window_state(self)}

    def decide(self, command: Command, message_of: MessageOf) -> int:
        if self.erased and type(command) not in AFTER_ERASURE:
            if command.by == self.id:
                raise Unauthenticated("this person was erased")
            raise NotFound("no such person")
        return DECISIONS[type(command)](self, command)


# Decisions: each returns the version that answers the command, or raises a named error.

C = TypeVar("C", bound=Command)
Decision = Callable[[Person, C], int]

DECISIONS: dict[type[Command], Decision[Any]] = {}
AFTER_ERASURE: set[type[Command]] = set()
"""Commands that an erased person's log still accepts: the person does not send any of them. Rooms
that they were in may report late."""


def decides(
    command: type[C], *, after_erasure: bool = False
) -> Callable[[Decision[C]], Decision[C]]:
    """Decorates the function that decides a command.

    Parameters
    ----------
    after_erasure: whether an erased person's log accepts the command.
    """

    def register(decision: Decision[C]) -> Decision[C]:
        if command in DECISIONS:
            raise TypeError(f"{command.__name__} is decided twice")
        DECISIONS[command] = decision
        if after_erasure:
            AFTER_ERASURE.add(command)
        return decision

    return register


def require_registered(person: Person) -> None:
    """Raises NotFound if nobody registered with the id."""
    if not person.version:
        raise NotFound("no such person")
