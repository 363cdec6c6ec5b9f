"""Messages: posted, edited, deleted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.aggregate import Command, MessageOf
from domain.errors import DeletedMessage, NotFound, NotTheWriter, RoleRequired
from domain.protocol.types import Flag, MessageKind, OptionalVersion, Sealed, Text, Version
from domain.room.room import Part, Room, RoomEvent, decides, message_in, role_of
from domain.room.view import RoomView, WireEvent

MAX_NOTIFY = 20
"""Maximum of people whom one message notifies."""


@dataclass
class Messages(Part):
    """`n` is the number of posted messages."""

    n: int = 0

    def snapshot(self) -> dict[str, Any]:
        return {"n": self.n}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.n = state["n"]


@dataclass(kw_only=True)
class MessagePosted(RoomEvent):
    # `notify` are the people to notify of it, in addition to the room's pushes.
    # Version 1 had none.
    TOPIC = "room.message-posted"
    class_version = 2
    hidden = ("notify",)
    message_text = "posted"
    membership = "none"
    text: Sealed
    kind: MessageKind
    n: int
    reply_to: int | None
    notify: list[str]

    def apply(self, aggregate: Room) -> None:
        aggregate.part(Messages).n = self.n

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["notify"] = []

    @staticmethod
    def project(view: RoomView, event: WireEvent, data: Mapping[str, Any]) -> None:
        version = event["version"]
        view.messages[version] = {
            "version": version,
            "id": event.get("id"),
            "by": event["by"],
            "at": event["at"],
            "text": data["text"],
            "kind": data["kind"],
            "n": data["n"],
            "reply_to": data.get("reply_to"),
            "edited_at": None,
            "deleted": False,
            "reactions": {},
        }
        view.changed.add(version)
        view.n, view.last = data["n"], version
        view.posted[event["by"]] = version


@dataclass(kw_only=True)
class MessageEdited(RoomEvent):
    TOPIC = "room.message-edited"
    message_text = "replaced"
    message: int
    text: Sealed

    @staticmethod
    def project(view: RoomView, event: WireEvent, data: Mapping[str, Any]) -> None:
        message = view.target(event)
        if message is not None:
            message["text"], message["edited_at"] = data["text"], event["at"]


@dataclass(kw_only=True)
class MessageDeleted(RoomEvent):
    TOPIC = "room.message-deleted"
    message_text = "deleted"
    message: int

    @staticmethod
    def project(view: RoomView, event: WireEvent, data: Mapping[str, Any]) -> None:
        message = view.target(event)
        if message is not None:
            message.update(text=None, edited_at=None, deleted=True, reactions={})


@dataclass(kw_only=True, slots=True)
class Post(Command):
    """Writes a message.

    An accepted message with `quiet` gets no `ack`: its push to this connection, which must be
    subscribed to the room, confirms it. A retry is sent without `quiet` and is acknowledged.

    Attributes
    ----------
    reply_to_command: (person, command id) of a message that an import posts in the same batch, so
        that its version is not known yet.
    mentions: people whom the text mentions; None notifies nobody, not even the other person of a
        direct message, because imported messages are not new.
    """

    text: Text
    kind: MessageKind = "text"
    reply_to: OptionalVersion = None
    quiet: Flag = False
    reply_to_command: tuple[str, str] | None = None
    mentions: Sequence[str] | None = None


@dataclass(kw_only=True, slots=True)
class Edit(Command):
    version: Version
    text: Text


@dataclass(kw_only=True, slots=True)
class Delete(Command):
    version: Version


@decides(Post, "post")
def post(room: Room, command: Post, message_of: MessageOf) -> int:
    role = role_of(room, command.by)
    if room.kind == "broadcast" and role == "member":
        raise RoleRequired
    reply_to = command.reply_to
    if command.reply_to_command is not None:
        reply_to = room.recent.get(command.reply_to_command, (None, ""))[0]
    if reply_to is not None:
        message_in(room, reply_to, message_of)
    return room.append(
        MessagePosted,
        command,
        text=command.text,
        kind=command.kind,
        n=room.part(Messages).n + 1,
        reply_to=reply_to,
        notify=_to_notify(room, command),
    )


def _to_notify(room: Room, command: Post) -> list[str]:
    """Returns the members that a message notifies: those that it mentions, and in a private room of
    two the other member."""
    if command.mentions is None:
        return []
    wanted = list(command.mentions)
    if room.kind == "private" and len(room.members) == 2:
        wanted += room.members
    present = (user for user in dict.fromkeys(wanted) if user in room.members)
    return [user for user in present if user != command.by][:MAX_NOTIFY]


@decides(Edit, "edit")
def edit(room: Room, command: Edit, message_of: MessageOf) -> int:
    role_of(room, command.by)
    if message_in(room, command.version, message_of)["by"] != command.by:
        raise NotTheWriter
    return room.append(MessageEdited, command, message=command.version, text=command.text)


@decides(Delete, "delete")
def delete(room: Room, command: Delete, message_of: MessageOf) -> int:
    role = role_of(room, command.by)
    message = message_of(command.version) if command.version <= room.version else None
    if message is None:
        raise NotFound("no such message")
    if message["by"] != command.by and role == "member":
        raise NotTheWriter
    if message["deleted"]:
        raise DeletedMessage
    return room.append(MessageDeleted, command, message=command.version)
