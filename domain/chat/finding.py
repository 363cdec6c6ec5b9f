"""Finding people by name: those whom one shares a room with, and members of rooms that anybody may
read.

Views find candidates, logs decide: somebody is found by a room only if the room's log has them as
a member at its head, and has the one who asks as a member, or is open to all. Who is in private
rooms alone is a stranger to those outside, whatever the query.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from domain.chat.authorising import OPEN_KINDS, Authorising
from domain.chat.services import Services
from domain.chat.unsealing import open_many
from domain.matching import matches, words_of
from domain.projections.people import search

CHUNK = 100
"""Places of the index that are read together: DynamoDB's limit of keys a batch."""

SCANNED = 300
"""Places of the index, a word, that one request looks at. Of a beginning that more people have,
the first by id are found; another letter finds the others."""

EXAMINED = 40
"""People of a name whose rooms are looked at, one query of the index each."""

ROOMS = 100
"""Rooms of somebody that are looked at."""

MINE = 1_000
"""Rooms of the one who asks that are looked at."""

TRIED = 3
"""Rooms whose logs are asked for one person: a view that lags may name a room that they left."""


class Finding:
    """Finds people for one person at a time.

    Parameters
    ----------
    authorising: shared with reading, since what it remembers of rooms is the same.
    """

    def __init__(self, services: Services, authorising: Authorising) -> None:
        self._services = services
        self._authorising = authorising

    def people(self, user: str, q: str, limit: int) -> dict[str, Any]:
        """Returns `{people: [{user, name}]}`: those who have every word of `q` as the beginning of
        a word of their name, at most `limit`. First those whom `user` shares a room with, then by
        name. Nobody where `q` has no word."""
        words = words_of(q)
        named = dict(islice(self._named(user, words), EXAMINED)) if words else {}
        by_name = sorted(named.items(), key=lambda one: (one[1].casefold(), one[0]))
        under = self._services.views.store.under
        mine = set(under(user, "", MINE))
        rooms = {found: under(found, "", ROOMS) for found, _ in by_name}
        known: list[dict[str, str]] = []
        strangers: list[tuple[str, str]] = []
        for found, name in by_name:
            if len(known) == limit:
                break
            shared = [stream[2:] for stream in rooms[found] if stream in mine]
            if self._member_with(user, found, shared[:TRIED]):
                known.append({"user": found, "name": name})
            else:
                strangers.append((found, name))
        for found, name in strangers:
            if len(known) == limit:
                break
            if self._in_the_open(found, [stream[2:] for stream in rooms[found]]):
                known.append({"user": found, "name": name})
        return {"people": known}

    def _named(self, user: str, words: list[str]) -> Iterator[tuple[str, str]]:
        """Yields others that have the words in their names, with the names."""
        services = self._services
        pages = search(services.views.store, services.vault, words, CHUNK)
        for sealed in islice(pages, SCANNED // CHUNK):
            for found, name in open_many(services.vault, sealed).items():
                if name is not None and found != user and matches(words, name):
                    yield found, name

    def _member_with(self, user: str, found: str, rooms: list[str]) -> bool:
        standings = (self._authorising.standing(room) for room in rooms)
        return any(one.role(user) is not None and one.role(found) is not None for one in standings)

    def _in_the_open(self, found: str, rooms: list[str]) -> bool:
        headers = self._services.views.headers(rooms)
        listed = [room for room in rooms if headers.get(room, {}).get("kind") in OPEN_KINDS]
        standings = (self._authorising.standing(room) for room in listed[:TRIED])
        return any(one.room.kind in OPEN_KINDS and one.role(found) is not None for one in standings)
