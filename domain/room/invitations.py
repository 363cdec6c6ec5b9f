"""How people become members: they join, are added or are invited; and when this is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, NamedTuple

from domain.aggregate import Command, MessageOf
from domain.concerns import after
from domain.errors import Forbidden, Invalid, NotFound, RoleRequired, RoomFull
from domain.inviting import lost, resting, rests_until, seconds
from domain.protocol.types import OwnName, Role, Sealed, UserId
from domain.room.membership import MAX_MEMBERS, MemberJoined, MemberLeft
from domain.room.room import MEMBER_BYTES, RANK, Part, Room, RoomEvent, decides, role_of
from domain.room.view import RoomView, WireEvent

MAX_INVITED = 1_000
"""Maximum of pending invitations of a room; 60 bytes each in its snapshot."""

MAX_GONE = 500
"""Maximum of people recorded as gone; 55 bytes each in the snapshot. A person's own log records
permanently which rooms they left; this list covers the time until it does."""


class Invitation(NamedTuple):
    """`at` is when it was recorded, in Unix seconds; 0 if an older snapshot does not have it."""

    role: str
    by: str
    at: int = 0


@dataclass
class Invitations(Part):
    """Pending invitations, and people who left recently.

    Attributes
    ----------
    pending: invitations by the invited person.
    gone: people who left recently, oldest first: when an invitation was declined or withdrawn
        (UTC), empty for a member who left or was removed.
    """

    pending: dict[str, Invitation] = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)

    def note_gone(self, user: str, declined_at: str) -> None:
        self.gone.pop(user, None)
        self.gone[user] = declined_at
        if len(self.gone) > MAX_GONE:
            self.gone.pop(next(iter(self.gone)))

    def snapshot(self) -> dict[str, Any]:
        return {
            # A separate field, so that an earlier release can read the snapshot too.
            "invited": [[user, one.role, one.by] for user, one in self.pending.items()],
            "asked": [one.at for one in self.pending.values()],
            "gone": list(self.gone.items()),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        asked = state.get("asked") or repeat(0)
        self.pending = {
            user: Invitation(role, by, at)
            for (user, role, by), at in zip(state.get("invited", ()), asked, strict=False)
        }
        self.gone = dict(state.get("gone", ()))

    def weight(self) -> int:
        return (len(self.gone) + 3 * len(self.pending)) * MEMBER_BYTES


@dataclass(kw_only=True)
class MemberInvited(RoomEvent):
    """`by` asks `user` to become a member; `user` joins or declines."""

    TOPIC = "room.member-invited"
    membership = "offered"
    user: str
    name: Sealed
    role: Role

    def apply(self, aggregate: Room) -> None:
        aggregate.part(Invitations).pending[self.user] = Invitation(
            self.role, self.by, seconds(self.recorded_at)
        )

    @staticmethod
    def project(view: RoomView, event: WireEvent, data: Mapping[str, Any]) -> None:
        """Keeps the name, because the event that declines needs it; an invited person is not a
        member."""
        view.members[data["user"]] = {"name": data["name"], "role": None}


@dataclass(kw_only=True)
class InvitationDeclined(RoomEvent):
    """`user` declined if `by` is `user`; otherwise the invitation was withdrawn."""

    TOPIC = "room.invitation-declined"
    membership = "closed"
    user: str

    def apply(self, aggregate: Room) -> None:
        aggregate.part(Invitations).pending.pop(self.user, None)
        aggregate.part(Invitations).note_gone(self.user, self.recorded_at)


@after(MemberJoined)
def _came_in(room: Room, event: MemberJoined) -> None:
    invitations = room.part(Invitations)
    invitations.pending.pop(event.user, None)
    invitations.gone.pop(event.user, None)


@after(MemberLeft)
def _went(room: Room, event: MemberLeft) -> None:
    room.part(Invitations).note_gone(event.user, "")


@dataclass(kw_only=True, slots=True)
class Join(Command):
    name: OwnName


@dataclass(kw_only=True, slots=True)
class Decline(Command):
    """Refuses an invitation; `join` accepts it."""


@dataclass(kw_only=True, slots=True)
class AddMember(Command):
    """Adds a person, or invites them if they must be asked (docs/protocol.md).

    Attributes
    ----------
    name: the person's own name. This and the following attributes come from the two people's own
        logs.
    known: they share another private room, so the person is added without being asked.
    was_here: the person left this room or declined it, so they are asked.
    resting: the person may not be invited now.
    unoffered: the person's own log has no pending invitation to this room.
    """

    user: UserId
    role: Role = "member"
    name: Sealed
    known: bool = False
    was_here: bool = False
    resting: bool = False
    unoffered: bool = False


@dataclass(kw_only=True, slots=True)
class RemoveMember(Command):
    user: UserId


@decides(Join, "join")
def join(room: Room, command: Join, _: MessageOf) -> int:
    if command.by in room.members:
        return room.version
    invitation = room.part(Invitations).pending.get(command.by)
    if not room.version or (room.kind == "private" and invitation is None):
        raise NotFound("no such room")
    if len(room.members) >= MAX_MEMBERS:
        raise RoomFull
    role = _role_offered(room, invitation) if invitation else "member"
    return room.append(MemberJoined, command, user=command.by, name=command.name, role=role)


def _role_offered(room: Room, invitation: Invitation) -> str:
    """Returns the role that an invitation gives now: the invited role if the inviter may still give
    it, otherwise member; owner if no owner is left."""
    if not room.owners:
        return "owner"
    rank = RANK[room.members.get(invitation.by, "member")]
    may = rank >= RANK["moderator"] and rank >= RANK[invitation.role]
    return invitation.role if may else "member"


@decides(Decline, "decline")
def decline(room: Room, command: Decline, _: MessageOf) -> int:
    if command.by in room.part(Invitations).pending:
        return room.append(InvitationDeclined, command, user=command.by)
    if not room.version or (room.kind == "private" and command.by not in room.members):
        raise NotFound("no such room")
    return room.version


@decides(AddMember, "add_member")
def add_member(room: Room, command: AddMember, _: MessageOf) -> int:
    rank = RANK[role_of(room, command.by)]
    if rank < RANK["moderator"] or rank < RANK[command.role]:
        raise RoleRequired
    if command.user in room.members or _is_asked(room, command):
        return room.version
    if len(room.members) >= MAX_MEMBERS:
        raise RoomFull
    event: type[RoomEvent] = MemberJoined
    if _needs_invitation(room, command):
        _refuse_resting(room, command)
        if (
            command.user not in room.part(Invitations).pending
            and len(room.part(Invitations).pending) >= MAX_INVITED
        ):
            raise RoomFull("the room has the maximum number of pending invitations")
        event = MemberInvited
    return room.append(event, command, user=command.user, name=command.name, role=command.role)


def _is_asked(room: Room, command: AddMember) -> bool:
    """Returns whether the person has a pending invitation, or will get it soon. An invitation that
    their own log dropped, because they had too many, does not count and can be repeated."""
    invitation = room.part(Invitations).pending.get(command.user)
    if invitation is None:
        return False
    return not (command.unoffered and lost(invitation.at, command.recorded_at))


def _needs_invitation(room: Room, command: AddMember) -> bool:
    """Strangers are asked before they become members of a private room, and people who left before
    they become members of any room again."""
    stranger = room.kind == "private" and not command.known
    return stranger or command.was_here or command.user in room.part(Invitations).gone


def _refuse_resting(room: Room, command: AddMember) -> None:
    """Raises Forbidden if the person may not be invited now; the web app reads the time in the
    message."""
    declined = room.part(Invitations).gone.get(command.user)
    if declined and resting(declined, command.recorded_at):
        until = rests_until(declined).isoformat(timespec="seconds")
        raise Forbidden(f"they may not be invited again before {until}")
    if command.resting:
        raise Forbidden("they may not be invited by you now")


@decides(RemoveMember, "remove_member")
def remove_member(room: Room, command: RemoveMember, _: MessageOf) -> int:
    role = role_of(room, command.by)
    if RANK[role] < RANK["moderator"]:
        raise RoleRequired
    theirs = room.members.get(command.user)
    if theirs is None:
        return _withdraw(room, command, role)
    if command.user == command.by:
        raise Invalid("leave the room instead")
    if role != "owner" and RANK[theirs] >= RANK[role]:
        raise RoleRequired
    return room.append(MemberLeft, command, user=command.user, reason="removed")


def _withdraw(room: Room, command: RemoveMember, role: str) -> int:
    invitation = room.part(Invitations).pending.get(command.user)
    if invitation is None:
        return room.version
    if role != "owner" and invitation.by != command.by and RANK[invitation.role] >= RANK[role]:
        raise RoleRequired
    return room.append(InvitationDeclined, command, user=command.user)
