"""Frames that a client sends: one model per action, distinguished by `action`.

Frames for commands of a room are generated from the commands (domain/room).
"""

import inspect
from typing import Annotated, Any, Literal, Union

from pydantic import Field, TypeAdapter, create_model

import domain.room  # noqa: F401  registers the commands
from domain.aggregate import Command as Asking
from domain.protocol import fields
from domain.protocol.fields import CommandId, RoomId, Since, Version, Wire
from domain.protocol.limits import MAX_PING_ROOMS, MAX_SYNC_ROOMS
from domain.protocol.types import asked_fields
from domain.room.room import ACTIONS


class Command(Wire):
    """A frame that is answered by `ack` or `error`, or for an accepted quiet post by its push.

    Attributes
    ----------
    id: id of the command; a retry has the same id and changes nothing twice.
    room: the room of the command.
    since: the room version that the client held when it first sent the command; makes a
        retry exact at any age.
    """

    id: CommandId
    room: RoomId
    since: Since | None = None


class Sync(Wire):
    """Subscribes the connection to rooms and requests the events that it missed."""

    action: Literal["sync"]
    id: CommandId
    rooms: Annotated[dict[RoomId, Since | None], Field(max_length=MAX_SYNC_ROOMS)]
    user: Since | None = None


class Read(Command):
    """Moves the person's read mark of a room forward."""

    action: Literal["read"]
    version: Version


class Typing(Wire):
    action: Literal["typing"]
    room: RoomId
    id: CommandId | None = None


class Ping(Wire):
    """Keeps the connection open, and asks which rooms have events that the client lacks.

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
        """Whether the answer requires reading logs."""
        return bool(self.rooms) or self.user is not None


def _frame(action: str, command: type[Asking]) -> type[Command]:
    """Returns the model of the frame for a command of a room: it has the command's fields that a
    client sends (domain/protocol/types.py)."""
    asked: dict[str, Any] = {"action": (Literal[action], ...)}
    for field in asked_fields(command):
        kind = fields.named(field.type, field.most)
        asked[field.name] = (kind | None if field.default is None else kind, field.default)
    told = inspect.getdoc(command) or ""
    about = None if told.startswith(f"{command.__name__}(") else told.split("\n\nAttributes")[0]
    return create_model(command.__name__, __base__=Command, __doc__=about, **asked)


FRAMES = {action: _frame(action, command) for action, command in ACTIONS.items()}
"""Models of the frames for commands of a room, by action."""

ClientFrame: Any = Annotated[
    Union[(*FRAMES.values(), Read, Sync, Typing, Ping)], Field(discriminator="action")
]
client_frame: TypeAdapter[Any] = TypeAdapter(ClientFrame)
"""Validates one frame: `client_frame.validate_json(body)`."""
