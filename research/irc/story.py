"""Fills the gaps of a log, so that its happenings can be replayed as commands to a room."""

from research.irc.happenings import Happening, Joined, Left, Renamed
from research.irc.logs import Log


def complete(log: Log) -> list[Happening]:
    """The log's happenings with a membership that adds up; what is inserted is `implied`.

    - Who speaks, is renamed or leaves unseen gets a `Joined` just before (same line, same `at`):
      they came in before the log began, or at a line that it lacks.
    - A `Joined` of somebody present is dropped, so is a `Left` of somebody who is known to be
      away, and a rename of a nick to itself.
    - A rename onto a nick that is present makes that one leave first.

    Each log begins with nobody present, and nobody leaves at its end.
    """
    story: list[Happening] = []
    present: dict[str, bool] = {}  # nick -> is in; a nick not seen yet has no entry

    def come(told: Happening, nick: str) -> None:
        if not present.get(nick):
            story.append(Joined(told.line, told.at, nick, implied=True))
            present[nick] = True

    for told in log.happenings:
        nick = told.nick
        if isinstance(told, Joined):
            if present.get(nick):
                continue
            present[nick] = True
        elif isinstance(told, Left):
            if present.get(nick) is False:
                continue
            come(told, nick)
            present[nick] = False
        else:
            come(told, nick)
            if isinstance(told, Renamed):
                if told.new_nick == nick:
                    continue
                if present.get(told.new_nick):
                    story.append(Left(told.line, told.at, told.new_nick, implied=True))
                present[nick], present[told.new_nick] = False, True
        story.append(told)
    return story
