"""The room aggregate: events, state, decisions.

Topics and field names are a STORAGE FORMAT (docs/events.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat
from typing import Any, NamedTuple, cast

from domain.aggregate import (
    Aggregate,
    Command,
    Event,
    MessageOf,
    Sealed,
    Snapshot,
    restore_window,
    window_state,
)
from domain.errors import (
    DeletedMessage,
    Forbidden,
    Invalid,
    NotAMember,
    NotFound,
    NotTheWriter,
    RoleRequired,
    RoomExists,
    RoomFull,
    TooManyEmoji,
    TooManyReactions,
)
from domain.inviting import lost, resting, rests_until, seconds
from domain.protocol.limits import UNGUESSABLE
from domain.room import commands as c

MAX_MEMBERS = 10_000
"""Bounds the snapshot below DynamoDB's 400 KB item (docs/architecture.md, rule 5)."""

MAX_EMOJI = 32
"""Distinct emoji on one message."""

MAX_REACTIONS = 400
"""Reactions on one message: with the longest text it then still fits a frame of 32 KB."""

MAX_NOTIFY = 20
"""People whom one message notifies."""

MAX_INVITED = 1_000
"""Pending invitations of a room; 60 bytes each in its snapshot."""

MAX_GONE = 500
"""People remembered as gone; 55 bytes each in the snapshot. A person's own log knows the rooms
that they left for good; this covers the moment until it does."""

RANK = {"member": 0, "moderator": 1, "owner": 2}


# Events


@dataclass(kw_only=True)
class RoomEvent(Event):
    @staticmethod
    def empty(originator_id: str) -> "Room":
        return Room(originator_id)


@dataclass(kw_only=True)
class RoomCreated(RoomEvent):
    TOPIC = "room.created"
    name: Sealed
    kind: str

    def apply(self, aggregate: "Room") -> None:
        aggregate.kind = self.kind


@dataclass(kw_only=True)
class MemberJoined(RoomEvent):
    TOPIC = "room.member-joined"
    user: str
    name: Sealed
    role: str

    def apply(self, aggregate: "Room") -> None:
        aggregate.members[self.user] = self.role
        aggregate.owners += self.role == "owner"
        aggregate.invited.pop(self.user, None)
        aggregate.gone.pop(self.user, None)


@dataclass(kw_only=True)
class MemberLeft(RoomEvent):
    """Version 1 had no `reason`."""

    TOPIC = "room.member-left"
    class_version = 2
    user: str
    reason: str

    def apply(self, aggregate: "Room") -> None:
        aggregate.owners -= aggregate.members.pop(self.user) == "owner"
        aggregate.note_gone(self.user, "")

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["reason"] = "left" if state["by"] == state["user"] else "removed"


@dataclass(kw_only=True)
class MemberRenamed(RoomEvent):
    TOPIC = "room.member-renamed"
    user: str
    name: Sealed


@dataclass(kw_only=True)
class RoleChanged(RoomEvent):
    TOPIC = "room.role-changed"
    user: str
    role: str

    def apply(self, aggregate: "Room") -> None:
        aggregate.owners += (self.role == "owner") - (aggregate.members[self.user] == "owner")
        aggregate.members[self.user] = self.role


@dataclass(kw_only=True)
class MemberInvited(RoomEvent):
    """`by` asks `user` to become a member; `user` joins or declines."""

    TOPIC = "room.member-invited"
    user: str
    name: Sealed
    role: str

    def apply(self, aggregate: "Room") -> None:
        aggregate.invited[self.user] = Invitation(self.role, self.by, seconds(self.recorded_at))


@dataclass(kw_only=True)
class InvitationDeclined(RoomEvent):
    """`user` declined where `by` is `user`; else the invitation was withdrawn."""

    TOPIC = "room.invitation-declined"
    user: str

    def apply(self, aggregate: "Room") -> None:
        aggregate.invited.pop(self.user, None)
        aggregate.note_gone(self.user, self.recorded_at)


@dataclass(kw_only=True)
class MessagePosted(RoomEvent):
    """`notify` are the people to be told of it apart from the room's pushes, wherever they are.
    Version 1 had none."""

    TOPIC = "room.message-posted"
    class_version = 2
    hidden = ("notify",)
    content = ("text",)
    text: Sealed
    kind: str
    n: int
    reply_to: int | None
    notify: list[str]

    def apply(self, aggregate: "Room") -> None:
        aggregate.n = self.n

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["notify"] = []


@dataclass(kw_only=True)
class MessageEdited(RoomEvent):
    TOPIC = "room.message-edited"
    content = ("text",)
    message: int
    text: Sealed


@dataclass(kw_only=True)
class MessageDeleted(RoomEvent):
    TOPIC = "room.message-deleted"
    message: int


@dataclass(kw_only=True)
class ReactionAdded(RoomEvent):
    TOPIC = "room.reaction-added"
    message: int
    emoji: str


@dataclass(kw_only=True)
class ReactionRemoved(RoomEvent):
    TOPIC = "room.reaction-removed"
    message: int
    emoji: str


ROOM_EVENTS: tuple[type[RoomEvent], ...] = (
    RoomCreated,
    MemberJoined,
    MemberLeft,
    MemberRenamed,
    RoleChanged,
    MemberInvited,
    InvitationDeclined,
    MessagePosted,
    MessageEdited,
    MessageDeleted,
    ReactionAdded,
    ReactionRemoved,
)


@dataclass(kw_only=True)
class RoomSnapshot(Snapshot):
    TOPIC = "room.snapshot"

    def mutate(self, _: None) -> "Room":
        room = Room(self.originator_id)
        room.version = self.originator_version
        room.kind = self.state["kind"]
        room.n = self.state["n"]
        room.members = {
            user: role for role, users in self.state["members"].items() for user in users
        }
        room.owners = len(self.state["members"].get("owner", ()))
        # Snapshots of earlier releases have none of these.
        asked = self.state.get("asked") or repeat(0)
        room.invited = {
            user: Invitation(role, by, at)
            for (user, role, by), at in zip(self.state.get("invited", ()), asked, strict=False)
        }
        room.gone = dict(self.state.get("gone", ()))
        restore_window(room, self.state)
        return room


# State


class Invitation(NamedTuple):
    """`at` is when it was recorded, in Unix seconds; 0 where an older snapshot does not say."""

    role: str
    by: str
    at: int = 0


MEMBER_BYTES = 145
"""A member in memory (measured by tests/unit/test_memory.py)."""


class Room(Aggregate):
    """Kind, members with their roles, invitations and the message count: no texts, no names."""

    snapshot_class = RoomSnapshot

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.kind = ""
        self.members: dict[str, str] = {}
        self.owners = 0
        self.invited: dict[str, Invitation] = {}
        """Pending invitations by the invited person."""
        self.gone: dict[str, str] = {}
        """Who left lately, oldest first: when an invitation was declined or withdrawn (UTC), empty
        for a member who left or was removed."""
        self.n = 0

    def note_gone(self, user: str, declined_at: str) -> None:
        self.gone.pop(user, None)
        self.gone[user] = declined_at
        if len(self.gone) > MAX_GONE:
            self.gone.pop(next(iter(self.gone)))

    def weight(self) -> int:
        people = len(self.members) + len(self.gone) + 3 * len(self.invited)
        return super().weight() + people * MEMBER_BYTES

    def snapshot_state(self) -> dict[str, Any]:
        """Groups members by role, so that 10,000 of them stay under 300 KB."""
        by_role: dict[str, list[str]] = {}
        for user, role in self.members.items():
            by_role.setdefault(role, []).append(user)
        return {
            "kind": self.kind,
            "n": self.n,
            "members": by_role,
            # Apart, so that an earlier release reads the snapshot too.
            "invited": [[user, one.role, one.by] for user, one in self.invited.items()],
            "asked": [one.at for one in self.invited.values()],
            "gone": list(self.gone.items()),
            **window_state(self),
        }

    def knows(self, user: str) -> bool:
        return user in self.members

    def decide(self, command: Command, message_of: MessageOf) -> int:
        return DECISIONS[type(command)](self, command, message_of)


# Decisions: each returns the version that answers the command, or raises a named error.


def _role(room: Room, user: str) -> str:
    """Returns the member's role; hides a private room from everybody else."""
    role = room.members.get(user)
    if role is not None:
        return role
    if not room.version or room.kind == "private":
        raise NotFound("no such room")
    raise NotAMember


def _message(room: Room, version: int, message_of: MessageOf) -> dict[str, Any]:
    message = message_of(version) if version <= room.version else None
    if message is None:
        raise NotFound("no such message")
    if message["deleted"]:
        raise DeletedMessage
    return message


def create_room(room: Room, command: c.CreateRoom, _: MessageOf) -> int:
    if command.kind == "private" and not UNGUESSABLE.search(room.id):
        # Said of taken and free ids alike, so it tells nothing of other people's rooms.
        raise Invalid("the id of a private room ends with - and 12 random letters or digits 2 to 7")
    if room.version:
        raise RoomExists
    room.append(RoomCreated, command, name=command.name, kind=command.kind)
    return room.append(
        MemberJoined, command, user=command.by, name=command.member_name, role="owner"
    )


def join(room: Room, command: c.Join, _: MessageOf) -> int:
    if command.by in room.members:
        return room.version
    invitation = room.invited.get(command.by)
    if not room.version or (room.kind == "private" and invitation is None):
        raise NotFound("no such room")
    if len(room.members) >= MAX_MEMBERS:
        raise RoomFull
    role = _role_offered(room, invitation) if invitation else "member"
    return room.append(MemberJoined, command, user=command.by, name=command.name, role=role)


def _role_offered(room: Room, invitation: Invitation) -> str:
    """Returns the role that an invitation gives now: as invited while the inviter may still give
    it, else member. Where everybody left meanwhile it gives the room: it would have no owner."""
    if not room.members:
        return "owner"
    rank = RANK[room.members.get(invitation.by, "member")]
    may = rank >= RANK["moderator"] and rank >= RANK[invitation.role]
    return invitation.role if may else "member"


def decline(room: Room, command: c.Decline, _: MessageOf) -> int:
    if command.by in room.invited:
        return room.append(InvitationDeclined, command, user=command.by)
    if not room.version or (room.kind == "private" and command.by not in room.members):
        raise NotFound("no such room")
    return room.version


def leave(room: Room, command: c.Leave, _: MessageOf) -> int:
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


def add_member(room: Room, command: c.AddMember, _: MessageOf) -> int:
    rank = RANK[_role(room, command.by)]
    if rank < RANK["moderator"] or rank < RANK[command.role]:
        raise RoleRequired
    if command.user in room.members or _is_asked(room, command):
        return room.version
    if len(room.members) >= MAX_MEMBERS:
        raise RoomFull
    event: type[RoomEvent] = MemberJoined
    if _needs_invitation(room, command):
        _refuse_resting(room, command)
        if command.user not in room.invited and len(room.invited) >= MAX_INVITED:
            raise RoomFull("the room has as many pending invitations as it may have")
        event = MemberInvited
    return room.append(event, command, user=command.user, name=command.name, role=command.role)


def _is_asked(room: Room, command: c.AddMember) -> bool:
    """Returns whether the person has a pending invitation, or gets it in a moment. One that their
    own log dropped, since they had too many, is made anew as if there were none."""
    invitation = room.invited.get(command.user)
    if invitation is None:
        return False
    return not (command.unoffered and lost(invitation.at, command.recorded_at))


def _needs_invitation(room: Room, command: c.AddMember) -> bool:
    """Strangers are asked before they are in a private room, and those who left before they are
    in any room again."""
    stranger = room.kind == "private" and not command.known
    return stranger or command.was_here or command.user in room.gone


def _refuse_resting(room: Room, command: c.AddMember) -> None:
    """Raises Forbidden where the person may not be asked now; the web app reads the time there."""
    declined = room.gone.get(command.user)
    if declined and resting(declined, command.recorded_at):
        until = rests_until(declined).isoformat(timespec="seconds")
        raise Forbidden(f"they may not be invited again before {until}")
    if command.resting:
        raise Forbidden("they may not be invited by you now")


def remove_member(room: Room, command: c.RemoveMember, _: MessageOf) -> int:
    role = _role(room, command.by)
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


def _withdraw(room: Room, command: c.RemoveMember, role: str) -> int:
    invitation = room.invited.get(command.user)
    if invitation is None:
        return room.version
    if role != "owner" and invitation.by != command.by and RANK[invitation.role] >= RANK[role]:
        raise RoleRequired
    return room.append(InvitationDeclined, command, user=command.user)


def set_role(room: Room, command: c.SetRole, _: MessageOf) -> int:
    if _role(room, command.by) != "owner":
        raise RoleRequired
    theirs = room.members.get(command.user)
    if theirs is None:
        raise NotFound("no such member")
    if theirs == command.role:
        return room.version
    _keep_an_owner(room, command.user)
    return room.append(RoleChanged, command, user=command.user, role=command.role)


def rename_member(room: Room, command: c.RenameMember, _: MessageOf) -> int:
    _role(room, command.by)
    return room.append(MemberRenamed, command, user=command.by, name=command.name)


def post(room: Room, command: c.Post, message_of: MessageOf) -> int:
    role = _role(room, command.by)
    if room.kind == "broadcast" and role == "member":
        raise RoleRequired
    reply_to = command.reply_to
    if command.reply_to_command is not None:
        reply_to = room.recent.get(command.reply_to_command, (None, ""))[0]
    if reply_to is not None:
        _message(room, reply_to, message_of)
    return room.append(
        MessagePosted,
        command,
        text=command.text,
        kind=command.kind,
        n=room.n + 1,
        reply_to=reply_to,
        notify=_to_notify(room, command),
    )


def _to_notify(room: Room, command: c.Post) -> list[str]:
    """Returns the members whom a message is to be told of: those it names, and the other one of
    two in a private room."""
    if command.mentions is None:
        return []
    wanted = list(command.mentions)
    if room.kind == "private" and len(room.members) == 2:
        wanted += room.members
    present = (user for user in dict.fromkeys(wanted) if user in room.members)
    return [user for user in present if user != command.by][:MAX_NOTIFY]


def edit(room: Room, command: c.Edit, message_of: MessageOf) -> int:
    _role(room, command.by)
    if _message(room, command.message, message_of)["by"] != command.by:
        raise NotTheWriter
    return room.append(MessageEdited, command, message=command.message, text=command.text)


def delete(room: Room, command: c.Delete, message_of: MessageOf) -> int:
    role = _role(room, command.by)
    message = message_of(command.message) if command.message <= room.version else None
    if message is None:
        raise NotFound("no such message")
    if message["by"] != command.by and role == "member":
        raise NotTheWriter
    if message["deleted"]:
        raise DeletedMessage
    return room.append(MessageDeleted, command, message=command.message)


def react(room: Room, command: c.React, message_of: MessageOf) -> int:
    _role(room, command.by)
    reactions = _message(room, command.message, message_of)["reactions"]
    if command.by in reactions.get(command.emoji, ()):
        return room.version
    if command.emoji not in reactions and len(reactions) >= MAX_EMOJI:
        raise TooManyEmoji
    if sum(map(len, reactions.values())) >= MAX_REACTIONS:
        raise TooManyReactions
    return room.append(ReactionAdded, command, message=command.message, emoji=command.emoji)


def unreact(room: Room, command: c.Unreact, message_of: MessageOf) -> int:
    _role(room, command.by)
    reactions = _message(room, command.message, message_of)["reactions"]
    if command.by not in reactions.get(command.emoji, ()):
        return room.version
    return room.append(ReactionRemoved, command, message=command.message, emoji=command.emoji)


Decision = Callable[[Room, Any, MessageOf], int]
DECISIONS: dict[type[Command], Decision] = {
    c.CreateRoom: cast(Decision, create_room),
    c.Join: join,
    c.Leave: leave,
    c.Decline: decline,
    c.AddMember: add_member,
    c.RemoveMember: remove_member,
    c.SetRole: set_role,
    c.RenameMember: rename_member,
    c.Post: post,
    c.Edit: edit,
    c.Delete: delete,
    c.React: react,
    c.Unreact: unreact,
}
