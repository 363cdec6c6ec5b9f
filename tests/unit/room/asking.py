"""What tests of a room share: people, what happened before, and what is asked."""

from datetime import timedelta
from typing import Any

from domain.room.invitations import (
    AddMember,
    Decline,
    InvitationDeclined,
    Join,
    MemberInvited,
    RemoveMember,
)
from domain.room.lifecycle import CreateRoom, RoomCreated
from domain.room.membership import (
    MAX_MEMBERS,
    MemberJoined,
    MemberLeft,
    RoleChanged,
    SetRole,
)
from domain.room.messages import (
    Delete,
    Edit,
    MessageDeleted,
    MessageEdited,
    MessagePosted,
    Post,
)
from domain.room.reactions import (
    React,
    ReactionAdded,
    ReactionRemoved,
    Unreact,
)
from domain.room.room import Room
from tests.support.aggregates import Given, Happened, ask, given, happened, sealed

SECOND = timedelta(seconds=1)
ANN, BOB, CY, DAN, EVE = "u_ann", "u_bob", "u_cy", "u_dan", "u_eve"
TEXT = sealed(BOB, "hello")
HIDDEN = "lobby-222222222222"
"""An id that a private room may have."""


def created(kind: str = "public") -> Happened:
    return happened(RoomCreated, ANN, name=sealed(ANN, "Lobby"), kind=kind)


def joined(user: str, role: str = "member", by: str | None = None) -> Happened:
    return happened(MemberJoined, by or user, user=user, name=sealed(user), role=role)


def left(user: str, by: str | None = None) -> Happened:
    return happened(MemberLeft, by or user, user=user, reason="removed" if by else "left")


def role_changed(user: str, role: str) -> Happened:
    return happened(RoleChanged, ANN, user=user, role=role)


def invited(user: str, role: str = "member", by: str = ANN) -> Happened:
    return happened(MemberInvited, by, user=user, name=sealed(user), role=role)


def declined(user: str, by: str | None = None) -> Happened:
    return happened(InvitationDeclined, by or user, user=user)


def posted(
    by: str, n: int = 1, reply_to: int | None = None, kind: str = "text", notify: Any = ()
) -> Happened:
    return happened(
        MessagePosted, by, text=TEXT, kind=kind, n=n, reply_to=reply_to, notify=list(notify)
    )


def edited(message: int) -> Happened:
    return happened(MessageEdited, BOB, message=message, text=TEXT)


def deleted(message: int) -> Happened:
    return happened(MessageDeleted, ANN, message=message)


def reacted(by: str, message: int, emoji: str = "👍") -> Happened:
    return happened(ReactionAdded, by, message=message, emoji=emoji)


def unreacted(by: str, message: int, emoji: str = "👍") -> Happened:
    return happened(ReactionRemoved, by, message=message, emoji=emoji)


def a_room(kind: str = "public", *more: Happened) -> Given:
    """Ann owns it (1, 2), Bob is a member (3), Cy a moderator (4), and more from 5 on."""
    return given("lobby", created(kind), joined(ANN, "owner"), joined(BOB), joined(CY, "moderator"),
                 *more)  # fmt: skip


def create(**changed: Any) -> Any:
    content = {"name": sealed(ANN, "Lobby"), "kind": "public", "member_name": sealed(ANN)}
    return ask(CreateRoom, ANN, **{**content, **changed})


def join(user: str, **more: Any) -> Any:
    return ask(Join, user, name=sealed(user), **more)


def add(by: str, user: str, role: str = "member", **standing: Any) -> Any:
    return ask(AddMember, by, user=user, name=sealed(user), role=role, **standing)


def remove(by: str, user: str) -> Any:
    return ask(RemoveMember, by, user=user)


def set_role(by: str, user: str, role: str) -> Any:
    return ask(SetRole, by, user=user, role=role)


def decline(user: str) -> Any:
    return ask(Decline, user)


def full(kind: str = "public") -> Given:
    """A room of 10,000 without folding as many events."""
    room = a_room(kind)
    assert isinstance(room.aggregate, Room)
    for number in range(MAX_MEMBERS - len(room.aggregate.members)):
        room.aggregate.members[f"u_{number:013d}"] = "member"
    return room


def post(by: str, reply_to: int | None = None, **more: Any) -> Any:
    return ask(Post, by, text=TEXT, kind=more.pop("kind", "text"), reply_to=reply_to, **more)


def edit(by: str, message: int = 5) -> Any:
    return ask(Edit, by, version=message, text=TEXT)


def delete(by: str, message: int = 5) -> Any:
    return ask(Delete, by, version=message)


def react(by: str, message: int = 5, emoji: str = "👍", **more: Any) -> Any:
    return ask(React, by, version=message, emoji=emoji, **more)


def unreact(by: str, message: int = 5, emoji: str = "👍") -> Any:
    return ask(Unreact, by, version=message, emoji=emoji)


def much_later(room: Given, events: int) -> None:
    for number in range(events):
        room.when(post(CY, id=f"later-{number}"))
