"""Happenings in an IRC log: a nick joined, left, was renamed or said something.

In each, `line` counts the log's lines from 0, like its reply links; `at` is UTC and strictly
increases from line to line (see `research.irc.logs.Clock`); nicks are printable and have at most 32
code points.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Joined:
    """A nick joined; `implied` if the log does not say so but a later line requires it."""

    line: int
    at: datetime
    nick: str
    implied: bool = False


@dataclass(frozen=True, slots=True)
class Left:
    """A nick left, quit or was kicked; `implied` as in `Joined`."""

    line: int
    at: datetime
    nick: str
    implied: bool = False


@dataclass(frozen=True, slots=True)
class Renamed:
    """A present person changes their nick."""

    line: int
    at: datetime
    nick: str
    new_nick: str


@dataclass(frozen=True, slots=True)
class Said:
    """A message, or an action ("/me"): 1 to 4,000 code points, none of which the protocol refuses.

    `reply_to` is the line (from 0) of the earlier `Said` that this one answers.
    """

    line: int
    at: datetime
    nick: str
    text: str
    kind: Literal["text", "action"]
    reply_to: int | None = None


Happening = Joined | Left | Renamed | Said
