"""Who is asked before they are in, what an invitation gives, and how it ends."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.errors import (
    Forbidden,
    NotFound,
    RoleRequired,
    RoomFull,
)
from domain.inviting import LOST, REST
from domain.room.invitations import (
    MAX_GONE,
    MAX_INVITED,
    Invitation,
    Invitations,
    MemberInvited,
)
from domain.room.membership import (
    Leave,
    MemberJoined,
    SetRole,
)
from domain.room.room import Room
from tests.support.aggregates import AT, Happened, Then, ask, given
from tests.unit.room.asking import (
    ANN,
    BOB,
    CY,
    DAN,
    EVE,
    SECOND,
    a_room,
    add,
    created,
    decline,
    declined,
    invited,
    join,
    joined,
    left,
    post,
    posted,
    remove,
    role_changed,
)


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
