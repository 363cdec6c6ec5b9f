"""Fills the gaps of a log, so that its happenings can be replayed as commands to a room."""

from research.irc.happenings import Happening, Joined, Left, Renamed
from research.irc.logs import Log


def complete(log: Log) -> list[Happening]:
    """Returns the log's happenings with a consistent membership; inserted ones are `implied`.

    - A nick that speaks, is renamed or leaves without a `Joined` gets one just before (same line,
      same `at`): it joined before the log began, or at a line that the log lacks.
    - A `Joined` of a present nick is dropped, like a `Left` of a nick that is known to be away, and
      a rename of a nick to itself.
    - A rename to a present nick makes that one leave first.

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
