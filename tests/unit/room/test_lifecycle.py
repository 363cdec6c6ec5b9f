"""Creating rooms and handing them over: given these events, when this is asked, then that."""

from typing import Any

import pytest

from domain.errors import (
    Invalid,
    NotFound,
    RoomExists,
)
from domain.room.lifecycle import CreateRoom
from domain.room.membership import (
    HandOver,
)
from tests.support.aggregates import ask, given, sealed
from tests.unit.room.asking import (
    ANN,
    BOB,
    CY,
    DAN,
    HIDDEN,
    a_room,
    create,
    created,
    joined,
    left,
    role_changed,
)


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
