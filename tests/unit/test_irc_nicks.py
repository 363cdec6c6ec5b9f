"""Who bears which nick in an IRC log, and who that is in another one."""

from datetime import UTC, datetime

from local.nicks import Nicks
from research.irc import Joined, Left, Renamed

AT = datetime(2011, 11, 13, tzinfo=UTC)


def joined(nick: str) -> Joined:
    return Joined(0, AT, nick)


def left(nick: str) -> Left:
    return Left(0, AT, nick)


def renamed(nick: str, new: str) -> Renamed:
    return Renamed(0, AT, nick, new)


def people(*happenings: Joined | Left | Renamed) -> list[str]:
    nicks = Nicks(lambda nick: f"u {nick}")
    return [nicks.of(happening) for happening in happenings]


def test_a_nick_is_the_same_person_each_time() -> None:
    assert people(joined("bob"), left("bob"), joined("bob")) == ["u bob"] * 3


def test_a_change_of_nick_keeps_the_person() -> None:
    changed = people(joined("bob"), renamed("bob", "rob"), left("rob"), joined("rob"))
    assert changed == ["u bob"] * 4


def test_a_nick_that_was_given_up_is_somebody_elses_while_its_person_is_there() -> None:
    assert people(joined("bob"), renamed("bob", "rob"), joined("bob")) == [
        "u bob", "u bob", "u bob 2",
    ]  # fmt: skip


def test_who_left_under_another_nick_comes_back_under_the_first() -> None:
    changed = people(joined("bob"), renamed("bob", "rob"), left("rob"), joined("bob"))
    assert changed == ["u bob"] * 4


def test_a_nick_goes_back_to_its_first_person_once_both_are_gone() -> None:
    first = (joined("bob"), renamed("bob", "rob"))
    second = (joined("bob"), renamed("bob", "x"), left("x"))
    *_, again = people(*first, *second, left("rob"), joined("bob"))
    assert again == "u bob"
