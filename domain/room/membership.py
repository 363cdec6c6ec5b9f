"""Members, their roles and names, and how they leave. `invitations` has how they join."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.aggregate import Command, MessageOf
from domain.errors import Forbidden, NotFound, RoleRequired
from domain.protocol.types import Departure, Role, Sealed, UserId
from domain.room.room import Room, RoomEvent, decides, role_of
from domain.room.view import RoomView, WireEvent

MAX_MEMBERS = 10_000
"""Keeps the snapshot below DynamoDB's limit of 400 KB per item (docs/architecture.md, rule 5)."""


@dataclass(kw_only=True)
class MemberJoined(RoomEvent):
    TOPIC = "room.member-joined"
    membership = "gained"
    user: str
    name: Sealed
    role: Role

    def apply(self, aggregate: Room) -> None:
        aggregate.members[self.user] = self.role
        aggregate.owners += self.role == "owner"

    @staticmethod
    def project(view: RoomView, event: WireEvent, data: Mapping[str, Any]) -> None:
        view.members[data["user"]] = {
            "name": data["name"],
            "role": data["role"],
            "joined": event["at"],
        }
        view.member_count += 1


@dataclass(kw_only=True)
class MemberLeft(RoomEvent):
    # Version 1 had no `reason`.
    TOPIC = "room.member-left"
    class_version = 2
    membership = "lost"
    user: str
    reason: Departure

    def apply(self, aggregate: Room) -> None:
        aggregate.owners -= aggregate.members.pop(self.user) == "owner"

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["reason"] = "left" if state["by"] == state["user"] else "removed"

    @staticmethod
    def project(view: RoomView, event: WireEvent, data: Mapping[str, Any]) -> None:
        view.members.setdefault(data["user"], {})["role"] = None
        view.member_count -= 1


@dataclass(kw_only=True)
class MemberRenamed(RoomEvent):
    TOPIC = "room.member-renamed"
    user: str
    name: Sealed

    @staticmethod
    def project(view: RoomView, event: WireEvent, data: Mapping[str, Any]) -> None:
        view.members.setdefault(data["user"], {})["name"] = data["name"]


@dataclass(kw_only=True)
class RoleChanged(RoomEvent):
    TOPIC = "room.role-changed"
    membership = "gained"
    user: str
    role: Role

    def apply(self, aggregate: Room) -> None:
        aggregate.owners += (self.role == "owner") - (aggregate.members[self.user] == "owner")
        aggregate.members[self.user] = self.role

    @staticmethod
    def project(view: RoomView, event: WireEvent, data: Mapping[str, Any]) -> None:
        view.members.setdefault(data["user"], {})["role"] = data["role"]


@dataclass(kw_only=True, slots=True)
class Leave(Command):
    pass


@dataclass(kw_only=True, slots=True)
class SetRole(Command):
    user: UserId
    role: Role


@dataclass(kw_only=True, slots=True)
class HandOver(Command):
    """`by` was erased and no longer owns the room.

    Attributes
    ----------
    heir: the new owner; None if nobody else is left.
    members: the number of members when the heir was chosen.
    """

    heir: str | None
    members: int


@dataclass(kw_only=True, slots=True)
class RenameMember(Command):
    name: Sealed


@decides(Leave, "leave")
def leave(room: Room, command: Leave, _: MessageOf) -> int:
    if command.by not in room.members:
        if not room.version or room.kind == "private":
            raise NotFound("no such room")
        return room.version
    if len(room.members) > 1:
        _keep_an_owner(room, command.by)
    return room.append(MemberLeft, command, user=command.by, reason="left")


def _keep_an_owner(room: Room, user: str) -> None:
    if room.members[user] == "owner" and room.owners == 1:
        raise Forbidden("name another owner first")


@decides(SetRole, "set_role")
def set_role(room: Room, command: SetRole, _: MessageOf) -> int:
    if role_of(room, command.by) != "owner":
        raise RoleRequired
    theirs = room.members.get(command.user)
    if theirs is None:
        raise NotFound("no such member")
    if theirs == command.role:
        return room.version
    _keep_an_owner(room, command.user)
    return room.append(RoleChanged, command, user=command.user, role=command.role)


@decides(HandOver)
def hand_over(room: Room, command: HandOver, _: MessageOf) -> int:
    if room.members.get(command.by) != "owner":
        return room.version
    heir = command.heir
    if heir is None:
        if len(room.members) > command.members:
            raise NotFound("another person joined in the meantime")
    elif heir not in room.members:
        raise NotFound("the new owner left in the meantime")
    elif room.members[heir] != "owner":
        room.append(RoleChanged, command, user=heir, role="owner")
    return room.append(RoleChanged, command, user=command.by, role="member")


@decides(RenameMember)
def rename_member(room: Room, command: RenameMember, _: MessageOf) -> int:
    role_of(room, command.by)
    return room.append(MemberRenamed, command, user=command.by, name=command.name)
