"""The people behind the nicks of an IRC log."""

from collections.abc import Callable

from research.irc import Happening, Left, Renamed


class Nicks:
    """The people behind nicks, up to the current line of a file; a nick change keeps the person.

    A nick is the same person in every file, unless that person is present under another nick at the
    moment: then it is a second connection, or another person who took the nick.
    """

    def __init__(self, user_of: Callable[[str], str]) -> None:
        self._user_of = user_of
        self._bearers: dict[str, str] = {}
        self._present: dict[str, str] = {}
        """The present nick of each person."""

    def of(self, happening: Happening) -> str:
        """Returns the person of a happening; a Renamed changes their nick."""
        nick = happening.nick
        user = self._bearers.get(nick) or self._user_of(nick)
        turn = 1
        while self._present.get(user, nick) != nick:
            turn += 1
            # No nick has a space, so this name is unique.
            user = self._user_of(f"{nick} {turn}")
        self._bearers[nick] = user
        if isinstance(happening, Left):
            self._present.pop(user, None)
        elif isinstance(happening, Renamed):
            self._bearers[happening.new_nick] = self._bearers.pop(nick)
            self._present[user] = happening.new_nick
        else:
            self._present[user] = nick
        return user
