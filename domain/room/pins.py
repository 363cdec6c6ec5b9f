"""Pinned messages: a room's members find them in one place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.aggregate import Command, MessageOf
from domain.concerns import after
from domain.errors import Forbidden, RoleRequired
from domain.protocol.types import Version
from domain.room.messages import MessageDeleted
from domain.room.room import Part, Room, RoomEvent, after_projecting, decides, message_in, role_of
from domain.room.view import EXTRAS, FACTS, RoomView, WireEvent

MAX_PINS = 100
"""Maximum of pinned messages of a room: one page shows them all, and they use less than 1 KB of its
header."""

PINNED_BYTES = 40
"""Bytes of a pin in memory: an integer and its place in the list."""

EXTRAS["pinned_by"] = str
FACTS["pins"] = list[int]


class TooManyPins(Forbidden):
    default = f"a room has at most {MAX_PINS} pinned messages"


@dataclass
class Pins(Part):
    """Versions of the pinned messages, in the order in which they were pinned."""

    versions: list[int] = field(default_factory=list)

    def snapshot(self) -> dict[str, Any]:
        return {"pins": self.versions.copy()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.versions = list(state.get("pins", ()))

    def weight(self) -> int:
        return len(self.versions) * PINNED_BYTES


def pinned(view: RoomView) -> list[int]:
    """Returns the versions of the pinned messages in a view, the latest pin first."""
    versions: list[int] = view.kept.get("pins", [])
    return versions[::-1]


@dataclass(kw_only=True)
class MessagePinned(RoomEvent):
    TOPIC = "room.message-pinned"
    membership = "none"
    message: int

    def apply(self, aggregate: Room) -> None:
        aggregate.part(Pins).versions.append(self.message)

    @staticmethod
    def project(view: RoomView, event: WireEvent, data: Mapping[str, Any]) -> None:
        # If the fold of an unpin failed, the message is still in the list: keep it there once.
        # Create a new list: the header that the view was restored from may be shared.
        others = [one for one in view.kept.get("pins", ()) if one != data["message"]]
        view.kept["pins"] = [*others, data["message"]]
        message = view.target(event)
        if message is not None:
            message["pinned_by"] = event["by"]


@dataclass(kw_only=True)
class MessageUnpinned(RoomEvent):
    TOPIC = "room.message-unpinned"
    membership = "none"
    message: int

    def apply(self, aggregate: Room) -> None:
        aggregate.part(Pins).versions.remove(self.message)

    @staticmethod
    def project(view: RoomView, event: WireEvent, data: Mapping[str, Any]) -> None:
        _drop(view, data["message"])
        message = view.target(event)
        if message is not None:
            message.pop("pinned_by", None)


def _drop(view: RoomView, version: int) -> None:
    if "pins" in view.kept:
        view.kept["pins"] = [one for one in view.kept["pins"] if one != version]


@after(MessageDeleted)
def _unpin_deleted(room: Room, event: MessageDeleted) -> None:
    versions = room.part(Pins).versions
    if event.message in versions:
        versions.remove(event.message)


@after_projecting(MessageDeleted)
def _show_no_deleted(view: RoomView, event: WireEvent, data: Mapping[str, Any]) -> None:
    _drop(view, data["message"])
    message = view.messages.get(data["message"])
    if message is not None:
        message.pop("pinned_by", None)


@dataclass(kw_only=True, slots=True)
class Pin(Command):
    """Pins a message."""

    version: Version


@dataclass(kw_only=True, slots=True)
class Unpin(Command):
    version: Version


def _require_right(room: Room, user: str) -> None:
    """Raises if the person may not pin: in a public or broadcast room, members may not."""
    if role_of(room, user) == "member" and room.kind != "private":
        raise RoleRequired


@decides(Pin, "pin")
def pin(room: Room, command: Pin, message_of: MessageOf) -> int:
    _require_right(room, command.by)
    versions = room.part(Pins).versions
    if command.version in versions:
        return room.version
    if len(versions) >= MAX_PINS:
        raise TooManyPins
    message_in(room, command.version, message_of)
    return room.append(MessagePinned, command, message=command.version)


@decides(Unpin, "unpin")
def unpin(room: Room, command: Unpin, _: MessageOf) -> int:
    _require_right(room, command.by)
    if command.version not in room.part(Pins).versions:
        return room.version
    return room.append(MessageUnpinned, command, message=command.version)
