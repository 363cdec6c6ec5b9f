"""Imports IRC logs: nicks become people, lines become commands.

A command's id is derived from the file's hash and the line, and a completely imported file is
recorded in the importer's own log, so importing twice adds nothing. After an import was killed,
another run continues after the last line that the room has.

A line that the rules of the room refuse is left out and reported, because it would be refused each
time. Any other failure stops the import before the file is recorded, and another run completes it.
Lines of erased people are left out, because an import must not bring back what an erasure removed.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from domain.chat import Chat
from domain.consumer import TRANSIENT
from domain.errors import Internal, ParleyError
from domain.protocol.limits import ROOM_PATTERN
from local.importer import Importer, Report, is_fault
from research.irc import Log, NotUnderstood, read_log

Progress = Callable[[int, int], None]
"""Called with (finished lines, all lines)."""


class NothingWrittenError(ValueError):
    """The import wrote nothing because some lines were not understood.

    Attributes
    ----------
    problems: those lines.
    """

    def __init__(self, why: str, problems: Sequence[NotUnderstood]) -> None:
        super().__init__(f"{why}; nothing was written")
        self.problems = problems


class StrictError(NothingWrittenError):
    """Lines were not understood, and with `--strict` nothing is written then."""

    def __init__(self, problems: Sequence[NotUnderstood]) -> None:
        why = counted(len(problems), "line is not understood", "lines are not understood")
        super().__init__(why, problems)


class NoChatError(NothingWrittenError):
    """No file has a chat line: most likely these files are not logs."""

    def __init__(self, problems: Sequence[NotUnderstood]) -> None:
        super().__init__("no chat line was found", problems)


class ImportStopped(Internal):
    """An error stopped the import; another run continues where it stopped.

    Attributes
    ----------
    report: the work done until then.
    """

    def __init__(self, log: Log, cause: Exception, report: Report) -> None:
        why = cause.message if isinstance(cause, ParleyError) else type(cause).__name__
        super().__init__(
            f"stopped in {log.path.name}: {why}. Earlier lines are in; import again to continue"
        )
        self.report = report


def counted(number: int, one: str, many: str) -> str:
    """Returns a number with the noun in the singular or plural."""
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
    after_batch: called after each append, for callers that update views.

    Raises
    ------
    StrictError: `strict`, and a line is not understood; nothing was written.
    NoChatError: there is nothing to import; nothing was written.
    ImportStopped: something failed for a reason other than the rules of the room.
    OSError, ValueError: a file cannot be read, or there is no date in its name.
    ParleyError: the room cannot be written.
    """
    if not re.fullmatch(ROOM_PATTERN, room):
        raise ValueError(f"a room's id has the form {ROOM_PATTERN}")
    for path in paths:
        path.stat()  # a missing file is reported before a name without a date
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
