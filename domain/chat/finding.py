"""Finds people by name: those with whom the caller shares a room, and members of rooms that anybody
may read.

Views find candidates, logs decide: a person is found through a room only if the room's log has them
as a member at its head, and the caller is a member too or the room is open to all. A person who is
only in private rooms cannot be found from outside, whatever the query.
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
"""Entries of the index that are read together: DynamoDB's limit of keys per batch."""

SCANNED = 300
"""Entries of the index, per word, that one request reads. If more people have a beginning, only the
first by id are found; one more letter finds the others."""

EXAMINED = 40
"""Maximum of people of a name whose rooms are checked, one query of the index each."""

ROOMS = 100
"""Maximum of rooms of a found person that are checked."""

MINE = 1_000
"""Maximum of rooms of the caller that are checked."""

TRIED = 3
"""Maximum of rooms whose logs are read for one person: a lagging view may name a room that they
left."""


class Finding:
    """Finds people for one person at a time.

    Parameters
    ----------
    authorising: shared with reading, because both use the same cached rooms.
    """

    def __init__(self, services: Services, authorising: Authorising) -> None:
        self._services = services
        self._authorising = authorising

    def people(self, user: str, q: str, limit: int) -> dict[str, Any]:
        """Returns `{people: [{user, name}]}`: people who have every word of `q` as the beginning of
        a word of their name, at most `limit`. People who share a room with `user` come first, then
        by name. The result is empty if `q` has no word."""
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
        """Yields other people who have the words in their names, with the names."""
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
