"""Repeated commands: the window of ids, and the log behind it."""

from typing import Any

import pytest

from domain.aggregate import WINDOW
from domain.deciding import Decider
from domain.errors import (
    BeyondWindow,
    CommandIdReused,
    NotAMember,
)
from domain.room.invitations import (
    Join,
)
from domain.room.lifecycle import CreateRoom
from domain.room.membership import (
    HandOver,
    Leave,
    RenameMember,
)
from domain.room.room import DECISIONS
from tests.support.aggregates import ask, given, sealed
from tests.support.views import MemoryViews
from tests.unit.room.asking import (
    ANN,
    BOB,
    CY,
    DAN,
    a_room,
    add,
    create,
    created,
    decline,
    delete,
    edit,
    invited,
    join,
    joined,
    much_later,
    post,
    posted,
    react,
    reacted,
    remove,
    set_role,
    unreact,
)

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
    """Every one of the concerns that this folder tests; the others have files of their own."""
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
