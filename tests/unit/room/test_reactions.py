"""Reactions: who reacts, repeats, and how many a message takes."""

import pytest

from domain.errors import (
    TooManyEmoji,
    TooManyReactions,
)
from domain.room.reactions import (
    MAX_EMOJI,
    MAX_REACTIONS,
)
from tests.support.aggregates import Given, Happened
from tests.unit.room.asking import (
    ANN,
    BOB,
    CY,
    a_room,
    joined,
    post,
    posted,
    react,
    reacted,
    unreact,
    unreacted,
)


def test_every_member_reacts_in_a_broadcast_room() -> None:
    a_room("broadcast", posted(ANN)).when(react(BOB)).then(reacted(BOB, 5))


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
