"""Creation of a room."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.aggregate import Command, MessageOf
from domain.errors import Invalid, RoomExists
from domain.protocol.limits import UNGUESSABLE
from domain.protocol.types import OwnName, RoomKind, RoomName, Sealed
from domain.room.membership import MemberJoined
from domain.room.room import Room, RoomEvent, decides
from domain.room.view import RoomView, WireEvent


@dataclass(kw_only=True)
class RoomCreated(RoomEvent):
    TOPIC = "room.created"
    membership = "any"
    name: Sealed
    kind: RoomKind

    def apply(self, aggregate: Room) -> None:
        aggregate.kind = self.kind

    @staticmethod
    def project(view: RoomView, event: WireEvent, data: Mapping[str, Any]) -> None:
        view.name, view.kind = data["name"], data["kind"]


@dataclass(kw_only=True, slots=True)
class CreateRoom(Command):
    name: RoomName
    kind: RoomKind
    # The creator's own, as the room's first member.
    member_name: OwnName


@decides(CreateRoom, "create_room")
def create_room(room: Room, command: CreateRoom, _: MessageOf) -> int:
    if command.kind == "private" and not UNGUESSABLE.search(room.id):
        # The same answer for taken and free ids, so it reveals nothing about other people's rooms.
        raise Invalid("the id of a private room ends with - and 12 random letters or digits 2 to 7")
    if room.version:
        raise RoomExists
    room.append(RoomCreated, command, name=command.name, kind=command.kind)
    return room.append(
        MemberJoined, command, user=command.by, name=command.member_name, role="owner"
    )
