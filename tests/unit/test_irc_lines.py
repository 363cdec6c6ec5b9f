"""Each form of a line of an IRC log, and what it tells."""

from datetime import UTC, datetime, time

import pytest

from research.irc.happenings import Happening, Joined, Left, Renamed, Said
from research.irc.lines import LineError, happening, split_clock

AT = datetime(2004, 11, 15, 3, tzinfo=UTC)
NICK_32 = "n" * 32
CODER = "\ufeffhi \U0001f468\u200d\U0001f4bb"  # a joiner and a byte order mark are no controls


def read(raw: str) -> Happening | None:
    clock, body = split_clock(raw)
    return happening(7, AT, body, clock is not None)


def joined(nick: str) -> Joined:
    return Joined(7, AT, nick)


def left(nick: str) -> Left:
    return Left(7, AT, nick)


def text(nick: str, text: str) -> Said:
    return Said(7, AT, nick, text, "text")


def action(nick: str, text: str) -> Said:
    return Said(7, AT, nick, text, "action")


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        # as they stand in the logs
        ("[12:18] <|trey|> usual, quite stable  :)", text("|trey|", "usual, quite stable  :)")),
        ("[12:20] <brad[] > Hi", text("brad[]", "Hi")),
        ("[08:24] <ann> === not a notice", text("ann", "=== not a notice")),
        ("[08:24] <ann> <b> quoted", text("ann", "<b> quoted")),
        ("[08:24] <ann>   indented", text("ann", "  indented")),
        ("[22:15]  * realHans is back soon ...", action("realHans", "is back soon ...")),
        ("=== epod has a notebook", action("epod", "has a notebook")),
        ("=== |trey| has to go to school...", action("|trey|", "has to go to school...")),
        ("=== araw1- is away (BRB a sec...)", action("araw1-", "is away (BRB a sec...)")),
        ("=== brad[]  [~brad@209.161.225.22]  has joined #ubuntu", joined("brad[]")),
        ("=== [francof]  [~kvirc@host.it]  has joined #UBUNTU", joined("[francof]")),
        ('=== ann [~a@b]  has left #ubuntu ["Ooh, look"]', left("ann")),
        ('=== ann [~a@b]  has left #ubuntu [""Buy. ]', left("ann")),
        ("=== ann [~a@b]  has left #Ubuntu []", left("ann")),
        ("=== raDeon2 is now known as andrew", Renamed(7, AT, "raDeon2", "andrew")),
        # as irssi words them elsewhere
        ('=== ann [~a@b]  has quit ["Leaving"]', left("ann")),
        ("=== ann [~a@b]  has quit [Ping timeout: 246 seconds]", left("ann")),
        ("=== ann was kicked from #ubuntu by bob [flood]", left("ann")),
        ("=== ann was kicked off #ubuntu by bob (flood)", left("ann")),
        ("[10:00] === ann [~a@b] has joined #ubuntu", joined("ann")),
        # an action that only looks like a notice
        ("=== ann has left #ubuntu for debian", action("ann", "has left #ubuntu for debian")),
        ("=== ann has quit smoking", action("ann", "has quit smoking")),
        ("=== ann is now known as the best", action("ann", "is now known as the best")),
        # understood, nothing for us
        ("=== mode/#ubuntu [-b *!*@24.31.228.1]  by Seveas", None),
        ("=== ..[topic/#ubuntu:Seveas] : Official channel | FAQ", None),
        ("=== ann changed the topic of #ubuntu to: FAQ", None),
        ("=== Netsplit a.net <-> b.net quits: ann, bob", None),
        ("", None),
        ("  ", None),
        ("[10:00] ", None),
        # what the protocol refuses is taken out; a tab stays
        ("[10:00] <ann> \x02bold\x02 \x1funder\x0f \x16rev\x1d", text("ann", "bold under rev")),
        ("[10:00] <ann> \x0304,12red\x03 \x033x \x03,5", text("ann", "red x ,5")),
        ("[10:00] <ann> \x04FF0000,00ff00hex\x04 \x04zz", text("ann", "hex zz")),
        ("[10:00] <ann> i ^\x08t \x85\x9fo\ufffe\uffff\x00n", text("ann", "i ^t on")),
        ("[10:00] <ann> \tdynamic\tlib", text("ann", "\tdynamic\tlib")),
        ("[10:00] <ann> " + CODER, text("ann", CODER)),
        # the edges of what fits
        (f"[10:00] <{NICK_32}> hi", text(NICK_32, "hi")),
        ("[23:59] <ann> " + "\U0001f600" * 4000, text("ann", "\U0001f600" * 4000)),
        ("[00:00] <ann> " + "\x02" * 9 + "x" * 4000, text("ann", "x" * 4000)),
    ],
)  # fmt: skip
def test_what_a_line_tells(raw: str, told: Happening | None) -> None:
    assert read(raw) == told


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("[12:15] <opteron>", "the text is empty"),
        ("[07:09]  * homejoe", "the text is empty"),
        ("[10:00] <ann> \x0304 \x02", "the text is empty"),
        ("[10:00] <ann> " + "x" * 4001, "the text is too long: 4001 code points of 4000"),
        ("=== ann " + "x" * 4001, "the text is too long: 4001 code points of 4000"),
        ("[10:00] <> hi", "the nick is empty"),
        (f"[10:00] <{NICK_32}n> hi", "the nick is too long: 33 code points of 32"),
        (f"=== ann is now known as {NICK_32}n", "the nick is too long: 33 code points of 32"),
        ("[10:00] <a\x02n> hi", "the nick is not printable"),
        ("=== a\u200bn [~a@b]  has joined #ubuntu", "the nick is not printable"),
        ("[24:00] <ann> hi", "there is no time of day 24:00"),
        ("[10:60] <ann> hi", "there is no time of day 10:60"),
        ("<ann> hi", "no known form of a line"),
        ("[10:00] ann: hi", "no known form of a line"),
        ("[1:00] <ann> hi", "no known form of a line"),
        ("[\u0661\u0660:00] <ann> hi", "no known form of a line"),
        ("=== ann", "no known form of a notice"),
        ("=== #ubuntu: nobody knows this notice", "no known form of a notice"),
        ("--- Log opened Mon Nov 15", "no known form of a line"),
    ],
)
def test_a_line_that_is_not_understood_has_a_reason(raw: str, reason: str) -> None:
    with pytest.raises(LineError) as caught:
        read(raw)
    assert str(caught.value) == reason


def test_the_time_of_a_line() -> None:
    assert split_clock("[12:18] <ann> hi") == (time(12, 18), "<ann> hi")
    assert split_clock("=== ann hi") == (None, "=== ann hi")
