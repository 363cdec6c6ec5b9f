"""What a message costs, by the stack's own calls (docs/cost.md), counted anew in a room of 50."""

import pytest

from tools.cost.billing import Bill, bill, bound, steady
from tools.cost.counting import Tally, kept, messages
from tools.cost.ranges import between, gathered
from tools.cost.stack import counted
from tools.cost.tables import filled
from tools.stack.emulator import ROOT

MEMBERS = 50

AIM = 1.15
"""Dollars over the bound at 50 members."""

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def cases() -> dict[str, Tally]:
    with counted() as (stack, meter):
        return messages(stack, meter, MEMBERS)


def billed(cases: dict[str, Tally], case: str) -> Bill:
    if case == "steady":
        return bill(steady(cases), MEMBERS, "alone")
    return bill(cases[case], MEMBERS, case)


def test_the_kept_counts_are_those_of_the_code(cases: dict[str, Tally]) -> None:
    """If not: `python -m tools.cost`."""
    assert {case: tally.kept() for case, tally in cases.items()} == {
        case: tally.kept() for case, tally in kept()[str(MEMBERS)].items()
    }


@pytest.mark.parametrize("page", ["cost.md", "scale.md"])
def test_the_pages_tables_are_those_of_the_kept_counts(page: str) -> None:
    text = (ROOT / "docs" / page).read_text()
    assert filled(text) == text, "run `python -m tools.cost`"


def test_a_warm_send_is_one_write_and_no_read(cases: dict[str, Tally]) -> None:
    for case in ("alone", "relayed", "backlog", "quiet"):
        rows = [r for r in cases[case].rows if r.function == "socket_message"]
        stored = [(r.operation, r.target, r.times) for r in rows if {"wru", "rru"} & r.units.keys()]
        assert stored == [("PutItem", "events", 1.0)]


def test_nothing_scans(cases: dict[str, Tally]) -> None:
    assert not [r for tally in cases.values() for r in tally.rows if r.operation == "Scan"]


def test_everybody_gets_a_frame_and_the_writer_an_ack(cases: dict[str, Tally]) -> None:
    assert cases["alone"].units()["frame"] == MEMBERS + 2
    assert cases["backlog"].units()["frame"] == 2 + MEMBERS / 10


def test_a_quiet_post_costs_its_acknowledgement_less_and_nothing_else(
    cases: dict[str, Tally],
) -> None:
    acked, quiet = set(map(repr, cases["alone"].rows)), set(map(repr, cases["quiet"].rows))
    assert not quiet - acked
    (ack,) = [row for row in cases["alone"].rows if repr(row) not in quiet]
    assert (ack.function, ack.operation, ack.times) == ("socket_message", "PostToConnection", 1.0)
    assert cases["quiet"].units()["frame"] == MEMBERS + 1
    saved = billed(cases, "alone").dollars() - billed(cases, "quiet").dollars()
    assert saved == pytest.approx(1.00)


def test_a_backlog_costs_less_than_a_frame_for_each_message(cases: dict[str, Tally]) -> None:
    assert billed(cases, "backlog").dollars() < bound(MEMBERS)


def test_a_message_costs_little_more_than_its_frames(cases: dict[str, Tally]) -> None:
    """The aim is met where ten rooms talk. Where one message is alone in the stack it is not
    (docs/cost.md), and this keeps that figure from growing."""
    assert billed(cases, "steady").share(MEMBERS) <= AIM
    assert billed(cases, "alone").share(MEMBERS) <= 1.18


def test_the_range_of_what_a_message_may_cost_stays_narrow(cases: dict[str, Tally]) -> None:
    """docs/cost.md states it; no single figure is promised."""
    found = between(MEMBERS, billed(cases, "alone"), billed(cases, "steady"))
    low, high = found.over()
    assert low < billed(cases, "steady").share(MEMBERS) < billed(cases, "alone").share(MEMBERS)
    assert high <= 1.20


def test_a_busy_room_costs_about_half(cases: dict[str, Tally]) -> None:
    flowing = billed(cases, "steady")
    assert gathered(MEMBERS, flowing).dollars() < 0.55 * flowing.dollars()
