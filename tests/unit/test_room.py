"""The room's decisions: given these events, when this is asked, then that."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from adapters.memory.events import MemorySnapshots
from domain.aggregate import WINDOW, Command
from domain.deciding import Decider
from domain.errors import (
    BeyondWindow,
    CommandIdReused,
    DeletedMessage,
    Forbidden,
    Invalid,
    NotAMember,
    NotFound,
    NotTheWriter,
    ParleyError,
    RoleRequired,
    RoomExists,
    RoomFull,
    TooManyEmoji,
    TooManyReactions,
)
from domain.inviting import LOST, REST, seconds
from domain.log import EventLog, mapper
from domain.room.invitations import (
    MAX_GONE,
    MAX_INVITED,
    AddMember,
    Decline,
    Invitation,
    InvitationDeclined,
    Invitations,
    Join,
    MemberInvited,
    RemoveMember,
)
from domain.room.lifecycle import CreateRoom, RoomCreated
from domain.room.membership import (
    MAX_MEMBERS,
    HandOver,
    Leave,
    MemberJoined,
    MemberLeft,
    MemberRenamed,
    RenameMember,
    RoleChanged,
    SetRole,
)
from domain.room.messages import (
    Delete,
    Edit,
    MessageDeleted,
    MessageEdited,
    MessagePosted,
    Messages,
    Post,
)
from domain.room.reactions import (
    MAX_EMOJI,
    MAX_REACTIONS,
    React,
    ReactionAdded,
    ReactionRemoved,
    Unreact,
)
from domain.room.room import DECISIONS, Room, RoomSnapshot
from tests.support.aggregates import AT, Given, Happened, Then, ask, given, happened, sealed, stand
from tests.support.views import MemoryViews

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


# Creating


def create(**changed: Any) -> Any:
    content = {"name": sealed(ANN, "Lobby"), "kind": "public", "member_name": sealed(ANN)}
    return ask(CreateRoom, ANN, **{**content, **changed})


@pytest.mark.parametrize("kind", ["public", "private", "broadcast"])
def test_the_creator_is_the_first_member_and_owner(kind: str) -> None:
    given(HIDDEN).when(create(kind=kind)).then(created(kind), joined(ANN, "owner"))


def test_a_room_is_created_once() -> None:
    a_room().when(create(id="other")).then_refused(RoomExists)


def test_a_private_rooms_id_is_taken_too() -> None:
    a_room("private").when(create(id="other")).then_refused(RoomExists)


@pytest.mark.parametrize("id", ["lobby", "lobby-2222", "lobby-22222222222", "r" * 11, "2" * 11])
def test_a_private_rooms_id_cannot_be_guessed(id: str) -> None:
    """What is answered is the same of an id that is taken, so it tells nothing."""
    command = create(kind="private", id="other")
    for past in ((), (created("private"), joined(BOB, "owner"))):
        given(id, *past).when(command).then_refused(Invalid)


@pytest.mark.parametrize("id", ["lobby-abcdefgh2345", "abcdefgh2345", "a-abcdefgh234567abcdefgh"])
def test_an_id_with_a_random_end_may_be_private(id: str) -> None:
    given(id).when(create(kind="private")).then(created("private"), joined(ANN, "owner"))


def test_a_retry_of_a_room_that_an_earlier_release_made_is_answered() -> None:
    made = ask(CreateRoom, ANN, digest="given", name=sealed(ANN), kind="private",
               member_name=sealed(ANN), id="given-2")  # fmt: skip
    given("lobby", created("private"), joined(ANN, "owner")).when(made).then_nothing(version=2)


# Joining and leaving


def join(user: str, **more: Any) -> Any:
    return ask(Join, user, name=sealed(user), **more)


@pytest.mark.parametrize("kind", ["public", "broadcast"])
def test_joining(kind: str) -> None:
    a_room(kind).when(join(DAN)).then(joined(DAN))


def test_joining_twice_changes_nothing() -> None:
    a_room().when(join(BOB)).then_nothing(version=4)


def test_joining_again_after_leaving() -> None:
    a_room("public", left(BOB)).when(join(BOB)).then(joined(BOB))


def test_a_private_room_is_joined_by_nobody() -> None:
    a_room("private").when(join(DAN)).then_refused(NotFound)


def test_joining_a_room_that_does_not_exist() -> None:
    given("lobby").when(join(DAN)).then_refused(NotFound)


def test_leaving() -> None:
    a_room().when(ask(Leave, BOB)).then(left(BOB))


@pytest.mark.parametrize("kind", ["public", "broadcast"])
def test_leaving_when_not_in_changes_nothing(kind: str) -> None:
    a_room(kind).when(ask(Leave, DAN)).then_nothing()


def test_leaving_a_private_room_that_one_is_not_in_tells_nothing_of_it() -> None:
    a_room("private").when(ask(Leave, DAN)).then_refused(NotFound)
    given("lobby").when(ask(Leave, DAN)).then_refused(NotFound)


def test_the_last_owner_cannot_leave_others_behind() -> None:
    a_room().when(ask(Leave, ANN)).then_refused(Forbidden)


def test_an_owner_leaves_where_another_one_stays() -> None:
    a_room("public", role_changed(CY, "owner")).when(ask(Leave, ANN)).then(left(ANN))


def test_the_last_owner_leaves_an_empty_room() -> None:
    given("lobby", created(), joined(ANN, "owner")).when(ask(Leave, ANN)).then(left(ANN))


# Admission and roles


def add(by: str, user: str, role: str = "member", **standing: Any) -> Any:
    return ask(AddMember, by, user=user, name=sealed(user), role=role, **standing)


@pytest.mark.parametrize("kind", ["public", "private", "broadcast"])
@pytest.mark.parametrize(
    ("by", "role"),
    [(ANN, "owner"), (ANN, "moderator"), (ANN, "member"), (CY, "moderator"), (CY, "member")],
)
def test_adding_a_member(kind: str, by: str, role: str) -> None:
    a_room(kind).when(add(by, DAN, role, known=True)).then(joined(DAN, role, by))


@pytest.mark.parametrize(("by", "role"), [(CY, "owner"), (BOB, "member")])
def test_nobody_gives_a_role_above_their_own_and_members_give_none(by: str, role: str) -> None:
    a_room().when(add(by, DAN, role)).then_refused(RoleRequired)


def test_adding_who_is_there_changes_nothing_not_even_the_role() -> None:
    a_room().when(add(ANN, BOB, "owner")).then_nothing()


def remove(by: str, user: str) -> Any:
    return ask(RemoveMember, by, user=user)


OTHERS = (joined(DAN), joined(EVE, "moderator"), joined("u_fay", "owner"))


@pytest.mark.parametrize(
    ("by", "user"), [(ANN, DAN), (ANN, EVE), (ANN, "u_fay"), (CY, DAN)]
)  # fmt: skip
def test_removing_a_member(by: str, user: str) -> None:
    a_room("public", *OTHERS).when(remove(by, user)).then(left(user, by))


@pytest.mark.parametrize(("by", "user"), [(CY, EVE), (CY, ANN), (BOB, DAN), (BOB, ANN), (BOB, BOB)])
def test_nobody_removes_their_own_rank_or_above(by: str, user: str) -> None:
    a_room("public", *OTHERS).when(remove(by, user)).then_refused(RoleRequired)


@pytest.mark.parametrize("by", [ANN, CY])
def test_nobody_removes_themselves(by: str) -> None:
    a_room().when(remove(by, by)).then_refused(Invalid)


@pytest.mark.parametrize("by", [ANN, CY])
def test_removing_who_is_not_there_changes_nothing(by: str) -> None:
    a_room().when(remove(by, DAN)).then_nothing()


def set_role(by: str, user: str, role: str) -> Any:
    return ask(SetRole, by, user=user, role=role)


@pytest.mark.parametrize(
    ("user", "role"), [(BOB, "moderator"), (BOB, "owner"), (CY, "member"), (CY, "owner")]
)
def test_an_owner_sets_roles(user: str, role: str) -> None:
    a_room().when(set_role(ANN, user, role)).then(role_changed(user, role))


@pytest.mark.parametrize("by", [CY, BOB])
def test_only_owners_set_roles(by: str) -> None:
    a_room().when(set_role(by, by, "owner")).then_refused(RoleRequired)


def test_setting_the_role_that_one_has_changes_nothing() -> None:
    a_room().when(set_role(ANN, CY, "moderator")).then_nothing()
    a_room().when(set_role(ANN, ANN, "owner")).then_nothing()


def test_setting_the_role_of_no_member() -> None:
    a_room().when(set_role(ANN, DAN, "member")).then_refused(NotFound)


def test_the_last_owner_cannot_step_down_before_others() -> None:
    a_room().when(set_role(ANN, ANN, "member")).then_refused(Forbidden)


def test_an_owner_steps_down_or_is_demoted_where_another_one_stays() -> None:
    two = a_room("public", role_changed(CY, "owner"))
    two.when(set_role(ANN, ANN, "member")).then(role_changed(ANN, "member"))
    two = a_room("public", role_changed(CY, "owner"))
    two.when(set_role(ANN, CY, "member")).then(role_changed(CY, "member"))


def test_who_stepped_down_is_not_counted_as_another_owner() -> None:
    one = a_room("public", role_changed(CY, "owner"), role_changed(ANN, "moderator"))
    one.when(ask(Leave, CY)).then_refused(Forbidden)
    one.when(set_role(CY, CY, "member")).then_refused(Forbidden)


def test_an_owner_who_was_removed_and_came_back_counts_once() -> None:
    room = a_room("public", joined(DAN, "owner"), left(DAN, ANN), joined(DAN))
    room.when(ask(Leave, ANN)).then_refused(Forbidden)


@pytest.mark.parametrize("command", [
    add(DAN, EVE), remove(DAN, BOB), set_role(DAN, DAN, "owner"),
])  # fmt: skip
def test_strangers_admit_nobody(command: Command) -> None:
    a_room().when(command).then_refused(NotAMember)
    a_room("private").when(command).then_refused(NotFound)
    given("lobby").when(command).then_refused(NotFound)


def test_renaming_oneself() -> None:
    renamed = happened(MemberRenamed, BOB, user=BOB, name=sealed(BOB, "Robert"))
    a_room().when(ask(RenameMember, BOB, name=sealed(BOB, "Robert"))).then(renamed)


def test_a_stranger_has_no_name_in_a_room() -> None:
    a_room().when(ask(RenameMember, DAN, name=sealed(DAN))).then_refused(NotAMember)


# Invitations


@pytest.mark.parametrize(("by", "role"), [(ANN, "owner"), (CY, "moderator"), (CY, "member")])
def test_a_stranger_is_asked_before_they_are_in_a_private_room(by: str, role: str) -> None:
    room = a_room("private")
    room.when(add(by, DAN, role)).then(invited(DAN, role, by))
    room.when(post(DAN)).then_refused(NotFound)
    room.when(join(DAN, id="join")).then(joined(DAN, role))


@pytest.mark.parametrize("kind", ["public", "broadcast"])
def test_a_stranger_is_added_to_an_open_room_at_once(kind: str) -> None:
    a_room(kind).when(add(ANN, DAN)).then(joined(DAN, by=ANN))


@pytest.mark.parametrize("kind", ["public", "private", "broadcast"])
@pytest.mark.parametrize("past", [left(DAN), left(DAN, ANN)], ids=["left", "removed"])
def test_who_left_is_asked_before_they_are_in_any_room_again(kind: str, past: Happened) -> None:
    a_room(kind, joined(DAN), past).when(add(ANN, DAN, known=True)).then(invited(DAN))
    a_room(kind).when(add(ANN, DAN, known=True, was_here=True)).then(invited(DAN))


def test_inviting_twice_adds_nothing() -> None:
    a_room("private", invited(DAN)).when(add(CY, DAN, "moderator")).then_nothing()
    a_room("private", invited(DAN)).when(add(ANN, DAN, known=True)).then_nothing()


def test_an_invitation_that_did_not_arrive_is_made_anew_after_a_moment() -> None:
    def anew(after: timedelta, **more: Any) -> Then:
        at = (datetime.fromisoformat(AT) + after).isoformat(timespec="microseconds")
        room = a_room("private", invited(DAN))
        return room.when(replace(add(CY, DAN), recorded_at=at, **more))

    for early in (timedelta(0), LOST - SECOND):
        anew(early, unoffered=True).then_nothing()
    anew(LOST).then_nothing()
    assert [type(event) for event in anew(LOST, unoffered=True).events] == [MemberInvited]
    anew(LOST, unoffered=True, resting=True).then_refused(Forbidden)
    joins = anew(LOST, unoffered=True, known=True)
    assert [type(event) for event in joins.events] == [MemberJoined]


def test_an_invitation_gives_no_more_than_the_inviter_may_give_now() -> None:
    demoted = role_changed(CY, "member")
    room = a_room("private", invited(DAN, "moderator", CY), invited(EVE, "owner", ANN))
    room.when(join(EVE)).then(joined(EVE, "owner"))
    for over in (demoted, left(CY), left(CY, ANN)):
        room = a_room("private", invited(DAN, "moderator", CY), over)
        room.when(join(DAN)).then(joined(DAN, "member"))


def test_an_invitation_as_owner_by_somebody_who_is_a_moderator_now_makes_a_member() -> None:
    over = (role_changed(BOB, "owner"), role_changed(ANN, "moderator"))
    room = a_room("private", invited(EVE, "owner", ANN), invited(DAN, "moderator", ANN), *over)
    room.when(join(EVE)).then(joined(EVE, "member"))
    room.when(join(DAN)).then(joined(DAN, "moderator"))


def test_an_erased_owner_hands_the_room_over() -> None:
    def hand(heir: str | None, members: int = 3) -> Any:
        return ask(HandOver, ANN, heir=heir, members=members)

    for heir in (BOB, CY):
        room = a_room().when(hand(heir))
        room.then(role_changed(heir, "owner"), role_changed(ANN, "member"))
    a_room("public", role_changed(CY, "owner")).when(hand(CY)).then(role_changed(ANN, "member"))
    a_room("public", role_changed(CY, "owner"), role_changed(ANN, "member")).when(
        hand(CY)
    ).then_nothing()
    a_room("public", role_changed(CY, "owner"), left(ANN)).when(hand(CY)).then_nothing()
    a_room().when(hand(DAN)).then_refused(NotFound)
    alone = (created(), joined(ANN, "owner"))
    given("lobby", *alone).when(hand(None, 1)).then(role_changed(ANN, "member"))
    given("lobby", *alone, joined(BOB)).when(hand(None, 1)).then_refused(NotFound)


@pytest.mark.parametrize("kind", ["public", "private", "broadcast"])
def test_an_invitation_to_a_room_that_everybody_left_makes_an_owner(kind: str) -> None:
    alone = [created(kind), joined(ANN, "owner"), invited(DAN, "owner"), invited(EVE)]
    empty = given("lobby", *alone, left(ANN))
    empty.when(join(EVE)).then(joined(EVE, "owner"))
    given("lobby", *alone, left(ANN), joined(DAN, "owner")).when(join(EVE)).then(joined(EVE))


def test_who_joins_an_open_room_that_everybody_left_does_not_take_it_over() -> None:
    given("lobby", created(), joined(ANN, "owner"), left(ANN)).when(join(DAN)).then(joined(DAN))


def test_the_only_member_stays_its_owner_until_they_leave() -> None:
    alone = given("lobby", created("private"), joined(ANN, "owner"))
    step_down = ask(SetRole, ANN, user=ANN, role="member")
    alone.when(step_down).then_refused(Forbidden)
    alone.when(ask(Leave, ANN)).then(left(ANN))


def decline(user: str) -> Any:
    return ask(Decline, user)


def test_declining() -> None:
    room = a_room("private", invited(DAN))
    room.when(decline(DAN)).then(declined(DAN))
    room.when(join(DAN, id="late")).then_refused(NotFound)


def test_declining_what_nobody_offered_tells_nothing_of_a_private_room() -> None:
    a_room("private").when(decline(DAN)).then_refused(NotFound)
    given("lobby").when(decline(DAN)).then_refused(NotFound)
    a_room("private").when(decline(BOB)).then_nothing()
    a_room().when(decline(DAN)).then_nothing()


@pytest.mark.parametrize("by", [ANN, CY])
def test_an_invitation_is_withdrawn(by: str) -> None:
    room = a_room("private", invited(DAN))
    room.when(remove(by, DAN)).then(declined(DAN, by))
    room.when(join(DAN, id="late")).then_refused(NotFound)


def test_a_moderator_withdraws_what_they_may_offer() -> None:
    a_room("private", invited(DAN, "owner")).when(remove(CY, DAN)).then_refused(RoleRequired)
    a_room("private", invited(DAN, "moderator")).when(remove(CY, DAN)).then_refused(RoleRequired)
    own = a_room("private", invited(DAN, "moderator", CY))
    own.when(remove(CY, DAN)).then(declined(DAN, CY))
    a_room("private", invited(DAN)).when(remove(BOB, DAN)).then_refused(RoleRequired)


@pytest.mark.parametrize("over", [declined(DAN), declined(DAN, ANN)], ids=["declined", "withdrawn"])
@pytest.mark.parametrize("by", [ANN, CY])
def test_who_declined_is_left_in_peace_for_a_week(over: Happened, by: str) -> None:
    past = (invited(DAN, by=CY), over)
    at = datetime.fromisoformat(AT)
    for after, refused in ((timedelta(0), True), (REST - SECOND, True), (REST, False)):
        later = replace(add(by, DAN), recorded_at=(at + after).isoformat(timespec="microseconds"))
        then = a_room("private", *past).when(later)
        assert isinstance(then.outcome, Forbidden) == refused
        if refused:
            until = (at + REST).isoformat(timespec="seconds")
            # The web app reads the time out of these words (frontend/src/client/problems.ts).
            assert str(then.outcome) == f"they may not be invited again before {until}"
        assert len(then.events) == (not refused)


def test_one_who_has_enough_invitations_gets_no_more() -> None:
    a_room("private").when(add(ANN, DAN, resting=True)).then_refused(Forbidden)
    a_room("private").when(add(ANN, DAN, known=True, resting=True)).then(joined(DAN, by=ANN))


def test_who_declined_may_join_what_is_open() -> None:
    a_room("public", joined(DAN), left(DAN), invited(DAN), declined(DAN)).when(join(DAN)).then(
        joined(DAN)
    )


def test_pending_invitations_and_the_memory_of_who_left_are_bounded() -> None:
    room = a_room("private")
    assert isinstance(room.aggregate, Room)
    invitations = room.aggregate.part(Invitations)
    for number in range(MAX_INVITED):
        invitations.pending[f"u_{number:013d}"] = Invitation("member", ANN)
    room.when(add(ANN, DAN)).then_refused(RoomFull)
    room.when(add(ANN, "u_0000000000007")).then_nothing()
    (anew,) = room.when(add(ANN, "u_0000000000007", unoffered=True)).events
    assert isinstance(anew, MemberInvited)
    for number in range(MAX_GONE + 1):
        invitations.note_gone(f"u_{number:013d}", "")
    assert len(invitations.gone) == MAX_GONE
    assert next(iter(invitations.gone)) == "u_0000000000001"


def test_who_came_back_takes_no_place_among_those_remembered_as_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("domain.room.invitations.MAX_GONE", 2)
    here = [joined(user) for user in (DAN, EVE)]
    # Bob left first and is still the oldest who is gone when the other two left.
    room = a_room("public", *here, left(BOB), left(DAN), joined(DAN), left(EVE))
    (again,) = room.when(add(ANN, BOB)).events
    assert isinstance(again, MemberInvited)


def test_a_message_tells_nobody_who_is_only_invited() -> None:
    room = a_room("private", left(BOB), left(CY), invited(DAN))
    room.when(post(ANN, mentions=[DAN])).then(posted(ANN))


# The full room


def full(kind: str = "public") -> Given:
    """A room of 10,000 without folding as many events."""
    room = a_room(kind)
    assert isinstance(room.aggregate, Room)
    for number in range(MAX_MEMBERS - len(room.aggregate.members)):
        room.aggregate.members[f"u_{number:013d}"] = "member"
    return room


def test_a_room_holds_ten_thousand() -> None:
    assert MAX_MEMBERS == 10_000
    room = full()
    room.when(join(DAN)).then_refused(RoomFull)
    room.when(add(ANN, DAN)).then_refused(RoomFull)
    room.when(join(BOB)).then_nothing()
    room.when(add(ANN, BOB)).then_nothing()


def test_one_who_leaves_a_full_room_makes_place() -> None:
    room = full()
    room.when(ask(Leave, BOB)).then(left(BOB))
    room.when(join(DAN)).then(joined(DAN))


def test_a_full_private_room_stays_hidden() -> None:
    full("private").when(join(DAN)).then_refused(NotFound)


# Posting


def post(by: str, reply_to: int | None = None, **more: Any) -> Any:
    return ask(Post, by, text=TEXT, kind=more.pop("kind", "text"), reply_to=reply_to, **more)


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


def test_every_member_reacts_in_a_broadcast_room() -> None:
    a_room("broadcast", posted(ANN)).when(react(BOB)).then(reacted(BOB, 5))


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


# Editing, deleting, reacting


def edit(by: str, message: int = 5) -> Any:
    return ask(Edit, by, version=message, text=TEXT)


def delete(by: str, message: int = 5) -> Any:
    return ask(Delete, by, version=message)


def react(by: str, message: int = 5, emoji: str = "👍", **more: Any) -> Any:
    return ask(React, by, version=message, emoji=emoji, **more)


def unreact(by: str, message: int = 5, emoji: str = "👍") -> Any:
    return ask(Unreact, by, version=message, emoji=emoji)


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


def test_reacting() -> None:
    a_room("public", posted(BOB)).when(react(CY)).then(reacted(CY, 5))


def test_reacting_twice_changes_nothing() -> None:
    a_room("public", posted(BOB), reacted(CY, 5)).when(react(CY)).then_nothing()


def test_unreacting() -> None:
    a_room("public", posted(BOB), reacted(CY, 5)).when(unreact(CY)).then(unreacted(CY, 5))


@pytest.mark.parametrize("past", [(), (reacted(BOB, 5),), (reacted(CY, 5, "🎉"),)])
def test_unreacting_what_one_did_not_changes_nothing(past: tuple[Happened, ...]) -> None:
    a_room("public", posted(BOB), *past).when(unreact(CY)).then_nothing()


def test_reacting_anew_after_taking_it_back() -> None:
    room = a_room("public", posted(BOB), reacted(CY, 5), unreacted(CY, 5))
    room.when(react(CY)).then(reacted(CY, 5))


def test_a_reaction_that_an_earlier_release_took_is_taken_back() -> None:
    room = a_room("public", posted(BOB), reacted(CY, 5, "ⓗⓘ"))
    room.when(unreact(CY, emoji="ⓗⓘ")).then(unreacted(CY, 5, "ⓗⓘ"))


def full_of_emoji() -> Given:
    emoji = [chr(0x1F600 + number) for number in range(MAX_EMOJI)]
    return a_room("public", posted(BOB), *(reacted(CY, 5, one) for one in emoji))


def test_a_message_takes_32_distinct_emoji() -> None:
    assert MAX_EMOJI == 32
    full_of_emoji().when(react(BOB, emoji="👍")).then_refused(TooManyEmoji)
    full_of_emoji().when(react(BOB, emoji=chr(0x1F600))).then(reacted(BOB, 5, chr(0x1F600)))


def test_an_emoji_that_nobody_means_any_more_makes_place() -> None:
    room = full_of_emoji()
    room.when(unreact(CY, emoji=chr(0x1F600))).then(unreacted(CY, 5, chr(0x1F600)))
    room.when(react(CY, id="again")).then(reacted(CY, 5))


def reacted_to(times: int) -> tuple[Given, int]:
    """Returns a room in which a message, and its version, has so many reactions: twenty people
    took up to twenty emoji each."""
    crowd = [f"u_{number:02}" for number in range(20)]
    message = 5 + len(crowd)
    marks = [(user, chr(0x1F600 + number)) for number in range(20) for user in crowd][:times]
    reactions = (reacted(user, message, emoji) for user, emoji in marks)
    return a_room("public", *(joined(user) for user in crowd), posted(BOB), *reactions), message


def test_a_message_takes_400_reactions_in_all() -> None:
    assert MAX_REACTIONS == 400
    room, message = reacted_to(399)
    room.when(react(CY, message)).then(reacted(CY, message))
    for emoji in ("👍", chr(0x1F600), "🎉"):
        room.when(react(BOB, message, emoji, id="more")).then_refused(TooManyReactions)
    # What is there already is no new one, and what is taken back makes place for one.
    room.when(react(CY, message, id="again")).then_nothing()
    room.when(unreact("u_00", message, chr(0x1F600))).then(unreacted("u_00", message, chr(0x1F600)))
    room.when(react(BOB, message, id="place")).then(reacted(BOB, message))
    room.when(react(ANN, message, id="full")).then_refused(TooManyReactions)


def test_reactions_of_other_messages_do_not_count() -> None:
    room, message = reacted_to(400)
    room.when(post(BOB)).then(posted(BOB, n=2))
    other = room.aggregate.version
    assert other == message + 401
    room.when(react(CY, other, id="other")).then(reacted(CY, other))
    room.when(react(CY, message, id="full")).then_refused(TooManyReactions)


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


# Repeating

EVERY_COMMAND: tuple[Any, ...] = (
    join(DAN), ask(Leave, BOB), add(ANN, DAN), remove(ANN, BOB), set_role(ANN, BOB, "owner"),
    ask(HandOver, ANN, heir=None, members=9),
    ask(RenameMember, BOB, name=sealed(BOB)), post(BOB), edit(BOB), delete(BOB), react(BOB),
    unreact(CY), decline("u_fay"),
)  # fmt: skip


@pytest.mark.parametrize("command", EVERY_COMMAND, ids=lambda command: type(command).__name__)
def test_a_repeated_command_adds_nothing_and_a_reused_id_is_refused(command: Any) -> None:
    room = a_room("public", posted(BOB), reacted(CY, 5), invited("u_fay"))
    head = room.aggregate.version
    first = room.when(command)
    assert (first.outcome, len(first.events)) == (head + 1, 1)
    again = room.when(command)
    assert (again.outcome, again.events) == (head + 1, [])
    command_of_other_content = ask(
        type(command), command.by, digest="another",
        **{name: getattr(command, name) for name in type(command).__slots__},
    )  # fmt: skip
    room.when(command_of_other_content).then_refused(CommandIdReused)


def test_every_command_is_repeated_above() -> None:
    """Every one of the concerns that this file tests; the others have files of their own."""
    tested = {type(command) for command in EVERY_COMMAND} | {CreateRoom}
    concerns = {command.__module__ for command in tested}
    assert tested == {command for command in DECISIONS if command.__module__ in concerns}


def test_creating_again_with_the_same_id_and_other_content() -> None:
    room = given("lobby")
    room.when(create()).then(created(), joined(ANN, "owner"))
    room.when(create(kind="private")).then_refused(CommandIdReused)


def test_two_people_may_use_one_command_id() -> None:
    room = a_room()
    room.when(post(BOB, id="1")).then(posted(BOB))
    room.when(post(CY, id="1")).then(posted(CY, n=2))


def test_a_refused_command_is_not_remembered() -> None:
    room = a_room()
    room.when(post(DAN, id="1")).then_refused(NotAMember)
    room.when(join(DAN, id="2")).then(joined(DAN))
    room.when(post(DAN, id="1")).then(posted(DAN))


# The window


def much_later(room: Given, events: int) -> None:
    for number in range(events):
        room.when(post(CY, id=f"later-{number}"))


def test_the_window_remembers_256_commands() -> None:
    room = a_room()
    room.when(post(BOB)).then(posted(BOB))
    much_later(room, WINDOW - 1)
    room.when(post(BOB)).then_nothing(version=5)
    assert len(room.aggregate.recent) == WINDOW


def test_a_late_retry_with_since_is_answered_from_the_log() -> None:
    room = a_room()
    room.when(post(BOB, since=4)).then(posted(BOB))
    much_later(room, WINDOW + 10)
    assert (BOB, "asked") not in room.aggregate.recent
    room.when(post(BOB, since=4)).then_nothing(version=5)
    room.when(post(BOB, since=4, kind="action")).then_refused(CommandIdReused)


def test_a_late_retry_without_since_is_decided_anew() -> None:
    room = a_room()
    room.when(post(BOB)).then(posted(BOB))
    much_later(room, WINDOW)
    assert room.when(post(BOB)).events != []


def test_a_late_retry_of_two_events_is_answered_with_the_last_one() -> None:
    room = given("lobby")
    room.when(create(since=0)).then(created(), joined(ANN, "owner"))
    room.when(ask(Join, CY, name=sealed(CY))).then(joined(CY))
    much_later(room, WINDOW)
    room.when(create(since=0)).then_nothing(version=2)


@pytest.mark.parametrize("forgotten", range(WINDOW - 2, WINDOW + 3))
def test_the_window_and_the_log_behind_it_leave_no_hole(forgotten: int) -> None:
    """Whatever falls out of the window is found by `since`, at its very edge too."""
    room = a_room()
    room.when(post(BOB, id="first", since=4)).then(posted(BOB))
    room.when(post(BOB, id="second", since=5)).then(posted(BOB, n=2))
    much_later(room, forgotten)
    room.when(post(BOB, id="first", since=4)).then_nothing(version=5)
    room.when(post(BOB, id="second", since=5)).then_nothing(version=6)


@pytest.mark.parametrize("since", [0, 1, 4, 5])
def test_while_nothing_is_forgotten_no_log_is_searched(since: int) -> None:
    """What the window does not have was never done."""
    room = a_room("public", posted(BOB))
    outcome = Decider(room.log, MemoryViews()).decide(
        room.aggregate, post(BOB, id="new", since=since)
    )
    assert outcome == 6


def test_no_search_goes_beyond_what_is_written() -> None:
    """In a batch that is longer than the window, what fell out of it is still pending."""
    room = a_room()
    decider = Decider(room.log, MemoryViews())
    for number in range(WINDOW + 10):
        decider.decide(room.aggregate, post(CY, id=f"pending-{number}"))
    gap = decider.decide(room.aggregate, post(BOB, since=1))
    assert isinstance(gap, BeyondWindow)
    assert (gap.after, gap.upto, gap.seen) == (1, 4, 4)


def test_since_beyond_the_head_is_harmless() -> None:
    a_room().when(post(BOB, since=10**9)).then(posted(BOB))


# Snapshots


def test_a_snapshot_of_a_full_room_is_small_and_restores_an_equal_aggregate() -> None:
    room = Room("r" * 64)
    room.version, room.kind, room.forgotten = 2**40, "broadcast", 2**40 - WINDOW
    room.part(Messages).n = 2**40
    invitations = room.part(Invitations)
    for number in range(MAX_MEMBERS):
        role = "member" if number > 100 else "moderator" if number > 10 else "owner"
        room.members[f"u_{number:013d}"] = role
    room.owners = 11
    for number in range(MAX_INVITED):
        inviter = f"u_{number:013d}"
        invited = Invitation("moderator", inviter, seconds(AT))
        invitations.pending[f"u_a{number:012d}"] = invited
    for number in range(MAX_GONE):
        invitations.gone[f"u_b{number:012d}"] = AT
    for number in range(WINDOW):
        room.remember(f"u_{number:013d}", f"{number:064d}", 2**40 - number, "f" * 16)
    taken: Any = RoomSnapshot.take(room)
    stored = mapper.to_stored_event(taken)
    assert len(stored.state) < 300_000
    kept: Any = mapper.to_domain_event(stored)
    restored = kept.mutate(None)
    assert vars(restored) == vars(room)


def test_a_snapshot_of_an_earlier_release_loads() -> None:
    taken: Any = RoomSnapshot.take(a_room("public", left(BOB), invited(DAN)).aggregate)
    del taken.state["asked"]
    assert taken.mutate(None).part(Invitations).pending == {DAN: Invitation("member", ANN)}
    del taken.state["invited"], taken.state["gone"]
    room = taken.mutate(None)
    assert room.members == {ANN: "owner", CY: "moderator"}
    assert room.part(Invitations) == Invitations()


def test_folding_from_a_snapshot_equals_folding_from_the_start() -> None:
    past = [created(), joined(ANN, "owner"), joined(BOB), role_changed(BOB, "owner"), posted(BOB),
            left(ANN), posted(BOB, n=2), invited(DAN), invited(EVE), declined(DAN)]  # fmt: skip
    whole = given("lobby", *past).aggregate
    half: Any = given("lobby", *past[:4]).aggregate
    restored = RoomSnapshot.take(half).mutate(None)
    for version, one in enumerate(past[4:], 5):
        restored.fold(stand("lobby", version, one))
    assert vars(restored) == vars(whole)


def test_a_snapshot_shortens_what_is_read_and_changes_no_decision() -> None:
    room = a_room("public", posted(BOB))
    snapshots = MemorySnapshots()
    taken: Any = RoomSnapshot.take(room.aggregate)
    snapshots.insert_events([mapper.to_stored_event(taken)])
    log = EventLog(room.log.recorder, snapshots)
    restored = log.load("lobby")
    assert vars(restored) == vars(room.aggregate)
    assert Decider(log, MemoryViews()).decide(restored, edit(BOB)) == 6


def test_only_the_next_event_of_the_same_log_is_folded() -> None:
    room = a_room().aggregate
    for log_id, version in (("lobby", 4), ("lobby", 6), ("other", 5)):
        with pytest.raises(ValueError, match="does not follow"):
            room.fold(stand(log_id, version, posted(BOB)))
    assert room.version == 4


def test_a_state_holds_no_words() -> None:
    room = a_room("public", posted(BOB), edited(5))
    taken: Any = RoomSnapshot.take(room.aggregate)
    state = orjson.dumps(taken.state).decode()
    assert "hello" not in state
    assert "name of" not in state
