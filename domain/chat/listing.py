"""Lists of rooms, page by page: the person's own rooms, and rooms that they may join. Uses only the
views.

A page costs a fixed number of reads, whatever the number of rooms in it, and the directory reads at
most SCANNED entries of its index per request: a page may be short, and its cursor continues.

"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from domain.chat.services import Services
from domain.chat.unsealing import open_many
from domain.errors import Invalid
from domain.matching import matches, words_of
from domain.person.memberships import Memberships
from domain.person.person import Person
from domain.projections.directory import search
from domain.projections.views import Own
from domain.protocol.limits import ROOM_PATTERN

PREVIEW = 200
"""Code points of a last message's text: a page of 200 rooms then stays under 400 KB."""

SCANNED = 500
"""Entries of the index, per word, that one request of the directory reads."""

CHUNK = 100
"""Entries that are read together: DynamoDB's limit of keys per batch."""

OPEN_KINDS = ("public", "broadcast")

Headers = Mapping[str, Mapping[str, Any]]


class Listing:
    """Lists for one person at a time."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._views = services.views
        self._vault = services.vault

    def own(self, user: str, cursor: str | None, limit: int) -> dict[str, Any]:
        """Returns a page of the person's rooms by id, `{rooms, cursor}`.

        Raises
        ------
        Invalid: the cursor was not returned by an earlier page.
        """
        listed = self._views.rooms_of(user, _place(cursor), limit)
        # Their own log has an event that the views may have skipped: the end of a membership.
        person = self._services.at_head(user)
        known = person.part(Memberships).by_room if isinstance(person, Person) else {}
        found = [own for own in listed if own.room not in known or known[own.room][0] is not None]
        headers = self._views.headers([own.room for own in found])
        marks = self._views.marks(user, sorted(headers))
        read = {own.room: max(own.posted, marks.get(own.room, 0)) for own in found}
        unread = self._unread(headers, read)
        return {
            "rooms": self._summaries(headers, {own.room: own for own in found}, unread),
            "cursor": _cursor(listed[-1].room) if len(listed) == limit else None,
        }

    def directory(self, user: str, q: str, cursor: str | None, limit: int) -> dict[str, Any]:
        """Returns a page of the rooms that the person may join and is not in, by id, `{rooms,
        cursor}`: rooms whose name or id has every word of `q`.

        Raises
        ------
        Invalid: the cursor was not returned by an earlier page.
        """
        place = _place(cursor)
        found: dict[str, Mapping[str, Any]] = {}
        for room, header in self._listed(user, words_of(q), place):
            place = room
            if header is not None:
                found[room] = header
            if len(found) == limit:
                break
        return {
            "rooms": self._summaries(found, {}, {}),
            "cursor": _cursor(place) if place else None,
        }

    def _listed(
        self, user: str, words: Sequence[str], after: str
    ) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
        """Yields rooms of the index above `after`, in order, reading at most SCANNED entries: a
        room that the person may join and that has the words with its header, any other with None,
        and how far it read; at last an empty id if it reached the end."""
        pages = search(self._views.store, self._vault, words, after, CHUNK)
        for rooms, upto in islice(pages, SCANNED // CHUNK):
            headers = self._matching(words, self._views.headers(rooms))
            mine = self._views.roles_of(user, sorted(headers))
            for room in rooms:
                yield room, None if room in mine else headers.get(room)
            yield upto or "", None

    def _matching(self, words: Sequence[str], headers: Headers) -> Headers:
        """Returns the open rooms that have the words in their name or id."""
        names = self._names(headers) if words else {}
        return {
            room: header
            for room, header in headers.items()
            if header["kind"] in OPEN_KINDS and matches(words, room, names.get(room))
        }

    def _names(self, headers: Headers) -> dict[str, str | None]:
        return open_many(self._vault, {room: h["name"] for room, h in headers.items()})

    def _summaries(
        self, headers: Headers, own: Mapping[str, Own], unread: Mapping[str, int]
    ) -> list[dict[str, Any]]:
        """Returns the rooms by id; `own` has those that the person is in."""
        lasts, names = self._lasts(headers), self._names(headers)
        return [
            {
                "room": room,
                "name": names[room],
                "kind": header["kind"],
                "role": own[room].role if room in own else None,
                "joined": own[room].joined if room in own else None,
                "head": header["version"],
                "member_count": header["member_count"],
                "unread": unread.get(room, 0),
                "last": lasts.get(room),
            }
            for room, header in sorted(headers.items())
        ]

    def _unread(self, headers: Headers, read: Mapping[str, int]) -> dict[str, int]:
        """Returns unread messages by room; `read` is the newest version that was read."""
        # A mark may be newer than the view: then no message in the view is unread.
        behind = {r: h for r, h in headers.items() if read[r] < (h["last"] or 0)}
        marks = [(room, read[room]) for room in behind if read[room]]
        known = self._views.ordinals(marks)
        return {
            room: max(0, int(header["n"]) - known.get((room, read[room]), 0))
            for room, header in behind.items()
        }

    def _lasts(self, headers: Headers) -> dict[str, dict[str, Any]]:
        """Returns the rooms' last messages, opened and cut, with their writers' names."""
        newest = [(room, header["last"]) for room, header in headers.items() if header["last"]]
        messages = {room: m for (room, _), m in self._views.messages_at(newest).items()}
        names = self._views.names_of([(room, m["by"]) for room, m in messages.items()])
        by = {room: names.get((room, m["by"])) for room, m in messages.items()}
        writers = open_many(self._vault, by)
        texts = open_many(self._vault, {room: m["text"] for room, m in messages.items()})
        return {
            room: {
                "version": message["version"],
                "at": message["at"],
                "by": message["by"],
                "name": writers[room],
                "text": _cut(texts[room]),
                "kind": message["kind"],
            }
            for room, message in messages.items()
        }


def _cut(text: str | None) -> str | None:
    return None if text is None else text[:PREVIEW]


def _cursor(room: str) -> str:
    """Returns the cursor of the page above a room. Clients send it back unchanged."""
    return urlsafe_b64encode(room.encode()).decode().rstrip("=")


def _place(cursor: str | None) -> str:
    """Returns the room above which a page begins; empty for the first one. Raises Invalid."""
    if cursor is None:
        return ""
    try:
        room = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError:
        room = ""
    # One room has one cursor: decoding alone would ignore characters outside the alphabet.
    if not re.fullmatch(ROOM_PATTERN, room) or _cursor(room) != cursor:
        raise Invalid("cursor: none that was given")
    return room
