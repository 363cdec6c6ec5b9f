"""Commands of a room, in the imperative. Texts and names are sealed before they come here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from domain.aggregate import Command, Sealed


@dataclass(kw_only=True, slots=True)
class CreateRoom(Command):
    """`member_name` is the creator's own name as the room's first member."""

    name: Sealed
    kind: str
    member_name: Sealed


@dataclass(kw_only=True, slots=True)
class Join(Command):
    name: Sealed


@dataclass(kw_only=True, slots=True)
class Leave(Command):
    pass


@dataclass(kw_only=True, slots=True)
class Decline(Command):
    """Refuses an invitation."""


@dataclass(kw_only=True, slots=True)
class AddMember(Command):
    """What the two people's own logs say of each other stands beside what is asked.

    Attributes
    ----------
    known: they share another private room, so the person is added without being asked.
    was_here: the person left this room or declined it, so they are asked.
    resting: the person may not be asked now.
    unoffered: the person's own log has no pending invitation to this room.
    """

    user: str
    name: Sealed
    role: str
    known: bool = False
    was_here: bool = False
    resting: bool = False
    unoffered: bool = False


@dataclass(kw_only=True, slots=True)
class RemoveMember(Command):
    user: str


@dataclass(kw_only=True, slots=True)
class SetRole(Command):
    user: str
    role: str


@dataclass(kw_only=True, slots=True)
class RenameMember(Command):
    name: Sealed


@dataclass(kw_only=True, slots=True)
class Post(Command):
    """A message.

    Attributes
    ----------
    reply_to_command: (person, command id) of a message that an import posts in the same batch
        and knows no version of yet.
    mentions: people whom the text names; None tells nobody, not even the other one of a direct
        message: what is imported is no news.
    """

    text: Sealed
    kind: str
    reply_to: int | None
    reply_to_command: tuple[str, str] | None = None
    mentions: Sequence[str] | None = None


@dataclass(kw_only=True, slots=True)
class Edit(Command):
    message: int
    text: Sealed


@dataclass(kw_only=True, slots=True)
class Delete(Command):
    message: int


@dataclass(kw_only=True, slots=True)
class React(Command):
    message: int
    emoji: str


@dataclass(kw_only=True, slots=True)
class Unreact(Command):
    message: int
    emoji: str


Message = dict[str, Any]
"""A folded message (domain/projections/room_view.py)."""
