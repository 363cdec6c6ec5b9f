"""Reads IRC logs of the Ubuntu project into plain happenings (no network, no clock, no state).

`read_log` reads one log with its reply links, `complete` makes its membership self-consistent.
"""

from research.irc.happenings import Happening, Joined, Left, Renamed, Said
from research.irc.logs import Log, LogNameError, NotUnderstood, parse_log, read_log
from research.irc.story import complete

__all__ = [
    "Happening",
    "Joined",
    "Left",
    "Log",
    "LogNameError",
    "NotUnderstood",
    "Renamed",
    "Said",
    "complete",
    "parse_log",
    "read_log",
]
