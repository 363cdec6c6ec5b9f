"""Joining, leaving, admission, roles and the full room."""

import pytest

from domain.aggregate import Command
from domain.errors import (
    Forbidden,
    Invalid,
    NotAMember,
    NotFound,
    RoleRequired,
    RoomFull,
)
from domain.room.membership import (
    MAX_MEMBERS,
    Leave,
    MemberRenamed,
    RenameMember,
)
from tests.support.aggregates import ask, given, happened, sealed
from tests.unit.room.asking import (
    ANN,
    BOB,
    CY,
    DAN,
    EVE,
    a_room,
    add,
    created,
    full,
    join,
    joined,
    left,
    remove,
    role_changed,
    set_role,
)


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
