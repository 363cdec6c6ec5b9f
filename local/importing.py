"""Imports IRC logs: nicks become people, lines become commands.

A command's id comes from the file's hash and the line, and a file that is wholly in is noted in
the importer's own log, so importing twice adds nothing, also after an import was killed
half-way: it goes on behind the last line that the room has.

A line that the rules of the room refuse is left out and reported: it would be refused each time.
Any other failure stops the import before the file is noted, and another run completes it. Lines
of people who were erased are left out: an import does not bring back what an erasure took.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from domain.chat import Chat
from domain.consuming import TRANSIENT
from domain.errors import Internal, ParleyError
from domain.protocol.limits import ROOM_PATTERN
from local.importer import Importer, Report, is_fault
from research.irc import Log, NotUnderstood, read_log

Progress = Callable[[int, int], None]
"""Told of (lines done, lines in all)."""


class NothingWrittenError(ValueError):
    """The import wrote nothing because of lines that were not understood.

    Attributes
    ----------
    problems: those lines.
    """

    def __init__(self, why: str, problems: Sequence[NotUnderstood]) -> None:
        super().__init__(f"{why}; nothing was written")
        self.problems = problems


class StrictError(NothingWrittenError):
    """Lines were not understood, and `--strict` asked to write nothing then."""

    def __init__(self, problems: Sequence[NotUnderstood]) -> None:
        why = counted(len(problems), "line is not understood", "lines are not understood")
        super().__init__(why, problems)


class NoChatError(NothingWrittenError):
    """No line of any file is of a chat: most likely these are no logs."""

    def __init__(self, problems: Sequence[NotUnderstood]) -> None:
        super().__init__("no line of a chat was found", problems)


class ImportStopped(Internal):
    """A fault stopped the import; another run goes on where it stopped.

    Attributes
    ----------
    report: what was done until then.
    """

    def __init__(self, log: Log, cause: Exception, report: Report) -> None:
        why = cause.message if isinstance(cause, ParleyError) else type(cause).__name__
        super().__init__(
            f"stopped in {log.path.name}: {why}. What came before is in; import again to go on"
        )
        self.report = report


def counted(number: int, one: str, many: str) -> str:
    """Returns a number with the words for one thing or for several."""
    return f"{number} {one if number == 1 else many}"


def import_irc(
    chat: Chat,
    paths: Sequence[Path],
    room: str,
    strict: bool,
    progress: Progress,
    after_batch: Callable[[], None] = lambda: None,
) -> Report:
    """Imports logs into a public room, oldest first.

    Parameters
    ----------
    after_batch: called after each append, for whoever keeps views along the way.

    Raises
    ------
    StrictError: `strict`, and a line is not understood; nothing was written.
    NoChatError: there is nothing to import; nothing was written.
    ImportStopped: something failed for a reason other than the rules of the room.
    OSError, ValueError: a file cannot be read, or its name has no date.
    ParleyError: the room cannot be written.
    """
    if not re.fullmatch(ROOM_PATTERN, room):
        raise ValueError(f"a room's id has the form {ROOM_PATTERN}")
    for path in paths:
        path.stat()  # a file that is not there is told before a name that has no date
    logs = sorted((read_log(path) for path in paths), key=lambda log: (log.started, log.path.name))
    report = Report(problems=[problem for log in logs for problem in log.not_understood])
    if strict and report.problems:
        raise StrictError(report.problems)
    if not any(log.happenings for log in logs):
        raise NoChatError(report.problems)
    importer = Importer(chat, room, report, after_batch)
    importer.prepare()
    total = sum(log.lines for log in logs)
    for log in logs:
        try:
            importer.add(log, lambda done: progress(min(report.lines + done, total), total))
        except TRANSIENT as error:
            raise ImportStopped(log, error, report) from error
        except ParleyError as error:
            if not is_fault(error):
                raise
            raise ImportStopped(log, error, report) from error
        report.lines += log.lines
        progress(report.lines, total)
    return report
