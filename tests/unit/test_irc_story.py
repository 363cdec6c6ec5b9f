"""A log's story adds up: whoever acts is present, whoever comes was away."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.irc import Happening, Joined, Left, Log, Renamed, Said, complete

AT = datetime(2004, 11, 15, 3, tzinfo=UTC)


def log_of(happenings: list[Happening]) -> Log:
    name = Path("2004-11-15_03.log.txt")
    return Log(name, "", date(2004, 11, 15), happenings, [], 0, len(happenings))


def happenings_of(plot: str) -> list[Happening]:
    """`+a` joins, `-a` leaves, `a>b` is renamed, `a` speaks; one a line."""
    told: list[Happening] = []
    for line, word in enumerate(plot.split()):
        at = AT + timedelta(microseconds=line)
        if word.startswith("+"):
            told.append(Joined(line, at, word[1:]))
        elif word.startswith("-"):
            told.append(Left(line, at, word[1:]))
        elif ">" in word:
            told.append(Renamed(line, at, *word.split(">")))
        else:
            told.append(Said(line, at, word, "hi", "text"))
    return told


def plot_of(story: list[Happening]) -> str:
    """The plot, with what is implied in brackets."""
    words = []
    for told in story:
        if isinstance(told, Renamed):
            words.append(f"{told.nick}>{told.new_nick}")
        elif isinstance(told, Said):
            words.append(told.nick)
        else:
            word = ("+" if isinstance(told, Joined) else "-") + told.nick
            words.append(f"({word})" if told.implied else word)
    return " ".join(words)


@pytest.mark.parametrize(
    ("plot", "story"),
    [
        ("+a a -a", "+a a -a"),
        ("a a", "(+a) a a"),
        ("a>b b", "(+a) a>b b"),
        ("-a", "(+a) -a"),  # was in before the log began
        ("+a +a a", "+a a"),
        ("a +a", "(+a) a"),
        ("+a -a -a", "+a -a"),
        ("+a a>b -a", "+a a>b"),  # known to be away under that nick
        ("+a -a a", "+a -a (+a) a"),
        ("+a -a +a", "+a -a +a"),
        ("+a a>b a", "+a a>b (+a) a"),
        ("+a a>b +a +b -b", "+a a>b +a -b"),
        ("+a +b a>b b -b a", "+a +b (-b) a>b b -b (+a) a"),
        ("+b a>b b", "+b (+a) (-b) a>b b"),
        ("a>a a", "(+a) a"),
        ("a>b b>a a>b", "(+a) a>b b>a a>b"),
        ("", ""),
    ],
)
def test_the_gaps_are_filled(plot: str, story: str) -> None:
    assert plot_of(complete(log_of(happenings_of(plot)))) == story


def test_what_is_implied_stands_at_the_line_that_needs_it() -> None:
    told = happenings_of("+b a>b")
    assert complete(log_of(told)) == [
        told[0],
        Joined(1, told[1].at, "a", implied=True),
        Left(1, told[1].at, "b", implied=True),
        told[1],
    ]


NICKS = st.sampled_from("abcd")
PLOTS = st.lists(
    NICKS
    | NICKS.map("+{}".format)
    | NICKS.map("-{}".format)
    | st.tuples(NICKS, NICKS).map(lambda nicks: f"{nicks[0]}>{nicks[1]}"),
    max_size=40,
).map(" ".join)


@given(plot=PLOTS)
def test_any_story_adds_up(plot: str) -> None:
    log = log_of(happenings_of(plot))
    story = complete(log)
    present: set[str] = set()
    for told in story:
        if isinstance(told, Joined):
            assert told.nick not in present
            present.add(told.nick)
        else:
            assert told.nick in present
            if isinstance(told, Left):
                present.remove(told.nick)
            elif isinstance(told, Renamed):
                assert told.new_nick not in present
                present.remove(told.nick)
                present.add(told.new_nick)
    kept = [told for told in story if not (isinstance(told, Joined | Left) and told.implied)]
    # What stays keeps its order, and nothing said is dropped.
    lines = {told.line for told in kept}
    assert kept == [told for told in log.happenings if told.line in lines]
    assert all(told in kept for told in log.happenings if isinstance(told, Said))
    assert [told.at for told in story] == sorted(told.at for told in story)
    assert complete(log_of(story)) == story
