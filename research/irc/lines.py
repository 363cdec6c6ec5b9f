"""The forms of a line. Each function here reads one line, independent of the others.

Forms in the logs of #ubuntu (2004 to 2016):

    [HH:MM] <nick> text
    [HH:MM]  * nick action                            since 2008
    === nick action                                   before 2008, without a time
    === nick [user@host]  has joined #channel         before 2008
    === nick [user@host]  has left #channel ["why"]   before 2008
    === nick is now known as other
    === mode/#channel [-b mask]  by nick              says nothing for us
    === ..[topic/#channel:nick] : text                says nothing for us

Quits, kicks, netsplits and the other forms of a topic have the wording of irssi, the client that
wrote these logs.
"""

import re
from datetime import datetime, time

from domain.protocol.limits import FORBIDDEN, MAX_NICKNAME, MAX_TEXT
from research.irc.happenings import Happening, Joined, Left, Renamed, Said


class LineError(ValueError):
    """A line is not understood; the message is the reason, for people."""


_CLOCK = re.compile(r"\[([0-9]{2}):([0-9]{2})\] ?(.*)")

# The space inside the brackets is irssi's padding of a nick ("<brad[] >").
_TEXT = re.compile(r"<([^>]*)> ?(.*)")
_ACTION = re.compile(r" ?\* (\S+) ?(.*)")

_NOTICE = "=== "
_WHO = r"(\S+)(?: +\[\S*\])?"
_JOINED = re.compile(_WHO + r" +has joined #\S*\s*")
# Only a reason in brackets or quotes may follow, so "=== ann has left #ubuntu for debian" and
# "=== bob has quit smoking" stay what they are: actions.
_LEFT = re.compile(_WHO + r' +has (?:left #\S*|quit)\s*(?:[\[("].*)?')
_KICKED = re.compile(r"(\S+) was kicked (?:(?:from|off) #\S+ )?by \S+.*")
_RENAMED = re.compile(r"(\S+) is now known as (\S+)\s*")
_SILENT = re.compile(
    r"mode/#"
    r"|ServerMode/#"
    r"|\.\.\[topic/#"
    r"|\S+ changed the topic of #"
    r"|Topic (?:for #|\(#|set by )"
    r"|Netsplit "
    r"|Server: "
    r"|Irssi: "
)
# An old action looks like any other notice, so it is accepted only with a well-formed IRC nick.
_OLD_ACTION = re.compile(r"([A-Za-z0-9\[\]\\`_^{|}-]+) (.*)")

# mIRC's colours include their numbers: 3 and up to two decimal pairs, 4 and hexadecimal ones.
_COLOUR = re.compile(
    "\x03(?:[0-9]{1,2}(?:,[0-9]{1,2})?)?|\x04(?:[0-9A-Fa-f]{6}(?:,[0-9A-Fa-f]{6})?)?"
)


def split_clock(raw: str) -> tuple[time | None, str]:
    """Returns the time at the beginning of a line, and the rest; None and the whole line without
    one.

    Raises:
        LineError: the time is not a time of day, such as [25:00].
    """
    match = _CLOCK.fullmatch(raw)
    if match is None:
        return None, raw
    hour, minute, body = match.groups()
    try:
        return time(int(hour), int(minute)), body
    except ValueError as error:
        raise LineError(f"there is no time of day {hour}:{minute}") from error


def happening(line: int, at: datetime, body: str, timed: bool) -> Happening | None:
    """Returns the happening of a line; `body` is the line without its time.

    None if the line is understood but irrelevant: blank, a topic, a mode, a netsplit.

    Raises:
        LineError: no known form, or a nick or a text that the protocol would refuse.
    """
    if not body.strip():
        return None
    if body.startswith(_NOTICE):
        return _notice(line, at, body.removeprefix(_NOTICE))
    if timed:
        if match := _TEXT.fullmatch(body):
            return Said(line, at, _nick(match[1]), _text(match[2]), "text")
        if match := _ACTION.fullmatch(body):
            return Said(line, at, _nick(match[1]), _text(match[2]), "action")
    raise LineError("no known form of a line")


def _notice(line: int, at: datetime, notice: str) -> Happening | None:
    if _SILENT.match(notice):
        return None
    if match := _JOINED.fullmatch(notice):
        return Joined(line, at, _nick(match[1]))
    if match := _LEFT.fullmatch(notice) or _KICKED.fullmatch(notice):
        return Left(line, at, _nick(match[1]))
    if match := _RENAMED.fullmatch(notice):
        return Renamed(line, at, _nick(match[1]), _nick(match[2]))
    if match := _OLD_ACTION.fullmatch(notice):
        return Said(line, at, _nick(match[1]), _text(match[2]), "action")
    raise LineError("no known form of a notice")


def _nick(raw: str) -> str:
    nick = raw.strip()
    if not nick:
        raise LineError("the nick is empty")
    if len(nick) > MAX_NICKNAME:
        raise LineError(f"the nick is too long: {len(nick)} code points of {MAX_NICKNAME}")
    # Noncharacters, controls and surrogates are not printable either, so FORBIDDEN is covered.
    if not nick.isprintable():
        raise LineError("the nick is not printable")
    return nick


def _text(raw: str) -> str:
    text = FORBIDDEN.sub("", _COLOUR.sub("", raw))
    if not text.strip():
        raise LineError("the text is empty")
    if len(text) > MAX_TEXT:
        raise LineError(f"the text is too long: {len(text)} code points of {MAX_TEXT}")
    return text
