"""The room aggregate: code that all its concerns share.

Each concern (`membership`, `messages`, `pins` …) is a module with its events, its part of the
state, its commands and its decisions; `domain/room` imports them all. Topics and field names are a
STORAGE FORMAT (docs/events.md).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from domain import concerns
from domain.aggregate import Command, Event, MessageOf, Snapshot, restore_window, window_state
from domain.errors import DeletedMessage, NotAMember, NotFound
from domain.room.declaring import Membership, MessageText, declare
from domain.room.view import FOLDS, Fold, RoomView, WireEvent

RANK = {"member": 0, "moderator": 1, "owner": 2}

MEMBER_BYTES = 145
"""Bytes of a member in memory (measured by tests/unit/test_memory.py)."""

ROOM_EVENTS: list[type["RoomEvent"]] = []
"""All events of a room. Defining a subclass of RoomEvent adds it."""


@dataclass(kw_only=True)
class RoomEvent(Event):
    """An event of a room. `apply` changes the aggregate, `project` the view.

    A class declares the following about itself (docs/adding-a-feature.md, "What an event
    declares"). The defaults are set by `declare`.

    Attributes
    ----------
    message_text: what it does to a message's text; None for nothing.
    about: field with the version of the message that it belongs to; by default `message`.
    withheld: sealed fields that nobody sees once that message is deleted, and only members once its
        text is replaced; by default all of them if the event is about a message.
    membership: what it does to who may read the room; by default `unknown` if it has an `apply`.
    names_user: whether `name` is the name of `user`; by default if it has both.
    """

    message_text: ClassVar[MessageText | None] = None
    about: ClassVar[str | None] = None
    withheld: ClassVar[tuple[str, ...]] = ()
    membership: ClassVar[Membership] = "none"
    names_user: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        declare(cls)
        ROOM_EVENTS.append(cls)
        FOLDS[cls.__name__] = cls.project

    @staticmethod
    def empty(originator_id: str) -> "Room":
        return Room(originator_id)

    @staticmethod
    def project(view: RoomView, event: WireEvent, data: Mapping[str, Any]) -> None:
        """Folds the event, in the protocol's form, into a view."""


class Part(concerns.Part):
    """A concern's part of the aggregate's state. Defining a subclass adds it to every room."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        PARTS.append(cls)


PARTS: list[type[Part]] = []


@dataclass(kw_only=True)
class RoomSnapshot(Snapshot):
    TOPIC = "room.snapshot"

    def mutate(self, _: None) -> "Room":
        room = Room(self.originator_id)
        room.version = self.originator_version
        room.kind = self.state["kind"]
        room.members = {
            user: role for role, users in self.state["members"].items() for user in users
        }
        room.owners = len(self.state["members"].get("owner", ()))
        room.restore_parts(self.state)
        restore_window(room, self.state)
        return room


class Room(concerns.Composed):
    """Kind, members with their roles, and the parts of the concerns: no texts, no names."""

    snapshot_class = RoomSnapshot
    part_classes = PARTS
    part_bytes = 300
    unlisted = frozenset({"Invitations", "Messages", "Pins"})

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.kind = ""
        self.members: dict[str, str] = {}
        self.owners = 0

    def weight(self) -> int:
        return super().weight() + len(self.members) * MEMBER_BYTES

    def snapshot_state(self) -> dict[str, Any]:
        """Groups members by role, so that 10,000 members stay under 300 KB."""
        by_role: dict[str, list[str]] = {}
        for user, role in self.members.items():
            by_role.setdefault(role, []).append(user)
        own = {"kind": self.kind, "members": by_role}
        return {**self.parts_state(), **own, **window_state(self)}

    def knows(self, user: str) -> bool:
        return user in self.members

    def decide(self, command: Command, message_of: MessageOf) -> int:
        return DECISIONS[type(command)](self, command, message_of)


# Decisions: each returns the version that answers the command, or raises a named error.

C = TypeVar("C", bound=Command)
Decision = Callable[[Room, C, MessageOf], int]

DECISIONS: dict[type[Command], Decision[Any]] = {}
ACTIONS: dict[str, type[Command]] = {}
"""Commands by the action of the client frame that sends them."""


def decides(command: type[C], action: str | None = None) -> Callable[[Decision[C]], Decision[C]]:
    """Decorates the function that decides a command.

    Parameters
    ----------
    action: name of the client frame that sends it; None if no client may.
    """

    def register(decision: Decision[C]) -> Decision[C]:
        if command in DECISIONS:
            raise TypeError(f"{command.__name__} is decided twice")
        if action in ACTIONS:
            raise TypeError(f"the action {action} is taken by {ACTIONS[action].__name__}")
        DECISIONS[command] = decision
        if action is not None:
            ACTIONS[action] = command
        return decision

    return register


def after_projecting(event: type[RoomEvent]) -> Callable[[Fold], Fold]:
    """Decorates a function that changes the view after another concern's event was folded."""

    def register(follow: Fold) -> Fold:
        fold = FOLDS[event.__name__]

        def both(view: RoomView, wire: WireEvent, data: Mapping[str, Any]) -> None:
            fold(view, wire, data)
            follow(view, wire, data)

        FOLDS[event.__name__] = both
        return follow

    return register


def role_of(room: Room, user: str) -> str:
    """Returns the member's role; hides a private room from everybody else."""
    role = room.members.get(user)
    if role is not None:
        return role
    if not room.version or room.kind == "private":
        raise NotFound("no such room")
    raise NotAMember


def message_in(room: Room, version: int, message_of: MessageOf) -> dict[str, Any]:
    """Returns a folded message that is not deleted."""
    message = message_of(version) if version <= room.version else None
    if message is None:
        raise NotFound("no such message")
    if message["deleted"]:
        raise DeletedMessage
    return message
