"""Posting, replying, editing and deleting, and whom a message notifies."""

from typing import Any

import pytest

from domain.aggregate import Command
from domain.errors import (
    DeletedMessage,
    NotAMember,
    NotFound,
    NotTheWriter,
    ParleyError,
    RoleRequired,
)
from domain.room.lifecycle import RoomCreated
from domain.room.membership import (
    MemberJoined,
)
from domain.room.messages import (
    MessageDeleted,
    MessagePosted,
)
from tests.support.aggregates import given, happened, sealed
from tests.unit.room.asking import (
    ANN,
    BOB,
    CY,
    DAN,
    TEXT,
    a_room,
    created,
    delete,
    deleted,
    edit,
    edited,
    joined,
    left,
    post,
    posted,
    react,
    reacted,
    unreact,
)


@pytest.mark.parametrize("kind", ["public", "private"])
@pytest.mark.parametrize("by", [ANN, BOB, CY])
def test_members_post(kind: str, by: str) -> None:
    a_room(kind).when(post(by)).then(posted(by))


def test_messages_are_counted() -> None:
    a_room("public", posted(BOB), deleted(5)).when(post(BOB)).then(posted(BOB, n=2))


def test_an_action_is_posted_as_one() -> None:
    a_room().when(post(BOB, kind="action")).then(posted(BOB, kind="action"))


@pytest.mark.parametrize("by", [ANN, CY])
def test_owners_and_moderators_post_in_a_broadcast_room(by: str) -> None:
    a_room("broadcast").when(post(by)).then(posted(by))


def test_posting_in_a_broadcast_room_needs_a_role() -> None:
    a_room("broadcast").when(post(BOB)).then_refused(RoleRequired)


def test_replying() -> None:
    a_room("public", posted(BOB)).when(post(CY, reply_to=5)).then(posted(CY, n=2, reply_to=5))


@pytest.mark.parametrize("version", [2, 6, 7, 1_000])
def test_replying_to_what_is_no_message(version: int) -> None:
    room = a_room("public", posted(BOB), reacted(CY, 5))
    room.when(post(CY, reply_to=version)).then_refused(NotFound)


def test_replying_to_the_message_of_a_command_in_the_same_batch() -> None:
    room = a_room("public", happened(MessagePosted, BOB, id="line-1", text=TEXT, kind="text",
                                     n=1, reply_to=None, notify=[]))  # fmt: skip
    room.when(post(CY, reply_to_command=(BOB, "line-1"))).then(posted(CY, n=2, reply_to=5))


def test_replying_by_a_command_to_what_was_deleted_meanwhile() -> None:
    line = happened(MessagePosted, BOB, id="line-1", text=TEXT, kind="text", n=1, reply_to=None,
                    notify=[])  # fmt: skip
    room = a_room("public", line, deleted(5))
    room.when(post(CY, reply_to_command=(BOB, "line-1"))).then_refused(DeletedMessage)
    room.when(post(CY, id="plain", reply_to=5)).then_refused(DeletedMessage)


def test_replying_by_a_command_that_posted_nothing() -> None:
    """A command that is not known is no message to reply to; one that did something else is none
    either."""
    room = a_room("public", happened(MemberJoined, DAN, id="line-1", user=DAN,
                                     name=sealed(DAN), role="member"))  # fmt: skip
    room.when(post(CY, reply_to_command=(BOB, "line-0"))).then(posted(CY))
    room.when(post(CY, id="second", reply_to_command=(DAN, "line-1"))).then_refused(NotFound)
    # Somebody else's command of that id is another one.
    room.when(post(CY, id="third", reply_to_command=(ANN, "line-1"))).then(posted(CY, n=2))


def test_whom_a_message_names_is_to_be_told_once_if_a_member_and_not_the_writer() -> None:
    named = post(BOB, mentions=[CY, BOB, "u_nobody", ANN, CY])
    a_room().when(named).then(posted(BOB, notify=[CY, ANN]))


def test_one_message_notifies_twenty_at_the_most() -> None:
    crowd = [f"u_{index}" for index in range(30)]
    room = a_room("public", *(joined(user) for user in crowd))
    room.when(post(BOB, mentions=crowd)).then(posted(BOB, notify=crowd[:20]))


DIRECT = (
    happened(RoomCreated, ANN, name=TEXT, kind="private"),
    joined(ANN, "owner"),
    joined(BOB, by=ANN),
)


def test_a_direct_message_is_told_to_the_other_one() -> None:
    given("den", *DIRECT).when(post(ANN, mentions=[])).then(posted(ANN, notify=[BOB]))
    given("den", *DIRECT).when(post(BOB, mentions=[ANN, BOB])).then(posted(BOB, notify=[ANN]))


def test_a_third_member_ends_direct_messages() -> None:
    given("den", *DIRECT, joined(CY, by=ANN)).when(post(ANN, mentions=[])).then(posted(ANN))


@pytest.mark.parametrize("kind", ["public", "broadcast"])
def test_two_in_an_open_room_are_not_in_direct_messages(kind: str) -> None:
    room = given("lobby", created(kind), joined(ANN, "owner"), joined(BOB))
    room.when(post(ANN, mentions=[])).then(posted(ANN))


def test_what_is_imported_notifies_nobody() -> None:
    given("den", *DIRECT).when(post(ANN, mentions=None)).then(posted(ANN))


def test_editing_ones_own_message() -> None:
    a_room("public", posted(BOB)).when(edit(BOB)).then(edited(5))


def test_editing_twice_takes_two_commands() -> None:
    room = a_room("public", posted(BOB), edited(5))
    room.when(edit(BOB)).then(edited(5))


@pytest.mark.parametrize("by", [ANN, CY])
def test_nobody_edits_anothers_message_whatever_their_role(by: str) -> None:
    a_room("public", posted(BOB)).when(edit(by)).then_refused(NotTheWriter)


@pytest.mark.parametrize("by", [BOB, CY, ANN])
def test_writers_moderators_and_owners_delete(by: str) -> None:
    gone = happened(MessageDeleted, by, message=5)
    a_room("public", posted(BOB)).when(delete(by)).then(gone)


def test_a_member_deletes_no_message_of_another() -> None:
    a_room("public", posted(CY)).when(delete(BOB)).then_refused(NotTheWriter)


@pytest.mark.parametrize("command", [
    edit(BOB), delete(BOB), delete(ANN), react(CY), unreact(CY), post(CY, reply_to=5),
], ids=lambda command: f"{type(command).__name__}-{command.by}")  # fmt: skip
def test_a_deleted_message_takes_nothing_more(command: Command) -> None:
    room = a_room("public", posted(BOB), reacted(CY, 5), deleted(5))
    room.when(command).then_refused(DeletedMessage)


@pytest.mark.parametrize("message", [1, 4, 6, 99])
@pytest.mark.parametrize("make", [edit, delete, react, unreact])
def test_what_is_no_message_is_not_found(make: Any, message: int) -> None:
    a_room("public", posted(BOB)).when(make(ANN, message)).then_refused(NotFound)


@pytest.mark.parametrize(
    ("kind", "error"), [("public", NotAMember), ("broadcast", NotAMember), ("private", NotFound)]
)
@pytest.mark.parametrize("command", [
    post(DAN), edit(DAN), delete(DAN), react(DAN), unreact(DAN), post(DAN, reply_to=99),
    delete(DAN, 99), react(DAN, 99),
], ids=lambda command: type(command).__name__)  # fmt: skip
def test_strangers_do_nothing(kind: str, error: type[ParleyError], command: Command) -> None:
    a_room(kind, posted(BOB)).when(command).then_refused(error)
    given("lobby").when(command).then_refused(NotFound)


def test_who_left_is_a_stranger() -> None:
    a_room("public", posted(BOB), left(BOB)).when(edit(BOB)).then_refused(NotAMember)
    a_room("private", posted(BOB), left(BOB)).when(post(BOB)).then_refused(NotFound)
