"""A whole log: its file, the time of each line, and its reply links."""

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from research.irc.happenings import Happening, Said
from research.irc.lines import LineError, happening, split_clock
from research.irc.replies import parse_links

_NAME = re.compile(
    r"(?<![0-9])([0-9]{4}-[0-9]{2}-[0-9]{2})(?![0-9])(?:_([0-9]{2})(?![0-9]))?",
)
_TICK = timedelta(microseconds=1)
_DAY = timedelta(days=1)


class LogNameError(ValueError):
    """The name of a log has no date, so its lines have no time."""


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """A line that is left out: `line` counts from 1, for people; `text` is the raw line."""

    file: str
    line: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Log:
    """The content of a log, in the order of its lines.

    `digest` is the SHA-256 of the log's bytes (hexadecimal; the reply links are not in it),
    `started` the date in its name, `lines` the number of its lines. Each line is one happening, one
    of `ignored` (understood, but irrelevant) or one of `not_understood`, which also has the bad
    lines of the replies file under that file's name.
    """

    path: Path
    digest: str
    started: date
    happenings: list[Happening]
    not_understood: list[NotUnderstood]
    ignored: int
    lines: int


class Clock:
    """Gives each line its time, UTC, strictly later than the time of the line before.

    The log only has minutes. A line gets the later of its minute and the time of the line before
    plus one microsecond: lines of a minute are a microsecond apart, in their order. A line without
    a time stays in the last minute. A clock that goes backwards means the next day; so a log with a
    12-hour clock (the logs of 2004 and 2005 go from 12:59 to 01:00) gets half a day too much there.
    """

    def __init__(self, begin: datetime) -> None:
        """`begin` is the minute of the lines before the first that has a time."""
        self._minute = begin
        self._next = begin

    def tick(self, seen: time | None) -> datetime:
        """The time of the next line. OverflowError (and no change) beyond the year 9999."""
        minute = self._minute
        if seen is not None:
            minute = datetime.combine(minute.date(), seen, UTC)
            if minute < self._minute:
                minute += _DAY
        at = max(minute, self._next)
        self._next = at + _TICK
        self._minute = minute
        return at


def read_log(path: Path) -> Log:
    """Reads DATE_HH.log.txt and, if it exists, DATE_HH.replies.txt in the same folder.

    Both are UTF-8; broken bytes become U+FFFD. The result has the lines that were not understood.

    Raises:
        LogNameError: the file's name has no date (YYYY-MM-DD, then perhaps _HH).
        OSError: the file cannot be read.
    """
    log_begin(path)  # a name without a date is refused before anything is read
    replies = replies_path(path)
    return parse_log(path, path.read_bytes(), replies.read_bytes() if replies.exists() else b"")


def replies_path(path: Path) -> Path:
    """Returns the path of a log's reply links."""
    stem = path.name.removesuffix(".log.txt") if path.name.endswith(".log.txt") else path.stem
    return path.with_name(stem + ".replies.txt")


def log_begin(path: Path) -> datetime:
    """Returns the date and hour (0 if missing) in a log's name, UTC.

    Raises:
        LogNameError: there is no date in it, or no such date or hour.
    """
    match = _NAME.search(path.name)
    try:
        if match is not None:
            day, hour = date.fromisoformat(match[1]), time(int(match[2] or "0"))
            return datetime.combine(day, hour, UTC)
    except ValueError:
        pass  # 2004-13-45 or _99: not a date
    raise LogNameError(
        f"the log's name {path.name!r} has no date; it should look like 2004-11-15_03.log.txt"
    )


def parse_log(path: Path, data: bytes, replies: bytes = b"") -> Log:
    """`read_log` on bytes already read; of `path` only the name counts.

    Raises:
        LogNameError: as in `read_log`.
    """
    raws = _split(data)
    links = parse_links("\n".join(_split(replies)), len(raws))
    begin = log_begin(path)
    clock = Clock(_first_minute(begin, raws))
    happenings: list[Happening] = []
    bad: list[NotUnderstood] = []
    said: set[int] = set()
    for line, raw in enumerate(raws):
        try:
            seen, body = split_clock(raw)
            told = happening(line, clock.tick(seen), body, seen is not None)
        except LineError as error:
            bad.append(NotUnderstood(path.name, line + 1, raw, str(error)))
            continue
        except OverflowError:
            bad.append(NotUnderstood(path.name, line + 1, raw, "the time is beyond the year 9999"))
            continue
        if isinstance(told, Said):
            said.add(line)
            # Only messages count: a link may point to a notice, or to a line that was not
            # understood.
            parents = [parent for parent in links.parents.get(line, ()) if parent in said]
            if parents:
                told = replace(told, reply_to=max(parents))
        if told is not None:
            happenings.append(told)
    ignored = len(raws) - len(happenings) - len(bad)
    links_file = replies_path(path).name
    bad += [NotUnderstood(links_file, number, text, why) for number, text, why in links.bad]
    digest = hashlib.sha256(data).hexdigest()
    return Log(path, digest, begin.date(), happenings, bad, ignored, len(raws))


def _split(data: bytes) -> list[str]:
    # Not splitlines(): it also splits at U+2028, form feeds and similar characters, and every later
    # line number of the reply links would be wrong.
    lines = data.decode("utf-8", errors="replace").removeprefix("\ufeff").split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def _first_minute(begin: datetime, raws: list[str]) -> datetime:
    # The hour in a name may be later than the log's first line (2009-10-01_17 begins at 14:03).
    # Taking it as it is would make the first time look like a clock that ran backwards.
    for raw in raws:
        try:
            seen, _ = split_clock(raw)
        except LineError:
            continue
        if seen is not None:
            return min(begin, datetime.combine(begin.date(), seen, UTC))
    return begin
