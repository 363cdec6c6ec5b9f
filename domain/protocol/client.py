"""Frames that a client sends: one model an action, told apart by `action`."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from domain.protocol.fields import (
    CommandId,
    Emoji,
    MessageKind,
    Role,
    RoomId,
    RoomKind,
    RoomName,
    Since,
    StoredEmoji,
    Text,
    UserId,
    Version,
    Wire,
)
from domain.protocol.limits import MAX_PING_ROOMS, MAX_SYNC_ROOMS


class Command(Wire):
    """A frame that is answered by `ack` or `error`; a quiet post that is accepted, by its push.

    Attributes
    ----------
    id: names the command; a retry carries the same id and changes nothing twice.
    room: the room that it is for.
    since: the room version that the client held when it first sent the command; makes a
        retry exact at any age.
    """

    id: CommandId
    room: RoomId
    since: Since | None = None


class Sync(Wire):
    """Subscribes the connection to rooms and asks for what it missed."""

    action: Literal["sync"]
    id: CommandId
    rooms: Annotated[dict[RoomId, Since | None], Field(max_length=MAX_SYNC_ROOMS)]
    user: Since | None = None


class CreateRoom(Command):
    action: Literal["create_room"]
    name: RoomName
    kind: RoomKind


class Join(Command):
    action: Literal["join"]


class Leave(Command):
    action: Literal["leave"]


class Decline(Command):
    """Refuses an invitation; `join` accepts it."""

    action: Literal["decline"]


class AddMember(Command):
    """Adds a person, or invites them where they must be asked (docs/protocol.md)."""

    action: Literal["add_member"]
    user: UserId
    role: Role = "member"


class RemoveMember(Command):
    action: Literal["remove_member"]
    user: UserId


class SetRole(Command):
    action: Literal["set_role"]
    user: UserId
    role: Role


class Post(Command):
    """Writes a message.

    Attributes
    ----------
    quiet: no `ack` is sent where the post is accepted; its push to this connection, which must
        be subscribed to the room, says so. A retry is sent without it, and is acknowledged.
    """

    action: Literal["post"]
    text: Text
    reply_to: Version | None = None
    kind: MessageKind = "text"
    quiet: bool = False


class Edit(Command):
    action: Literal["edit"]
    version: Version
    text: Text


class Delete(Command):
    action: Literal["delete"]
    version: Version


class React(Command):
    action: Literal["react"]
    version: Version
    emoji: Emoji


class Unreact(Command):
    """Takes a reaction back, also one that `react` would refuse by now."""

    action: Literal["unreact"]
    version: Version
    emoji: StoredEmoji


class Read(Command):
    """Moves the person's read mark of a room forward."""

    action: Literal["read"]
    version: Version


class Typing(Wire):
    action: Literal["typing"]
    room: RoomId
    id: CommandId | None = None


class Ping(Wire):
    """Keeps the connection open, and asks which rooms went on without the client.

    Attributes
    ----------
    rooms: last version held, by room.
    user: last version held of one's own log.
    """

    action: Literal["ping"]
    id: CommandId | None = None
    rooms: Annotated[dict[RoomId, Since], Field(max_length=MAX_PING_ROOMS)] = Field(
        default_factory=dict
    )
    user: Since | None = None

    @property
    def asks(self) -> bool:
        """Whether the answer needs a look at the logs."""
        return bool(self.rooms) or self.user is not None


RoomFrame = (
    CreateRoom
    | Join
    | Leave
    | Decline
    | AddMember
    | RemoveMember
    | SetRole
    | Post
    | Edit
    | Delete
    | React
    | Unreact
)
ClientFrame = Annotated[RoomFrame | Read | Sync | Typing | Ping, Field(discriminator="action")]
client_frame: TypeAdapter[ClientFrame] = TypeAdapter(ClientFrame)
"""Validates one frame: `client_frame.validate_json(body)`."""
