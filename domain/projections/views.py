"""Folded rooms and people: typed queries and saves over the store of all views.

The forms of streams, keys and documents are in `rows.py`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from domain.projections.rows import (
    MARKS,
    MEMBERS,
    MESSAGES,
    OPEN,
    OPEN_KINDS,
    POSTED,
    PRIVATE,
    ROOM,
    WRITERS,
    after,
    header_of,
    member_key,
    member_of,
    message_key,
    person_stream,
    room_stream,
    stream_of,
)
from domain.projections.store import (
    FIRST,
    LAST,
    NUMBER,
    SAME,
    Document,
    Fold,
    Head,
    Patch,
    Span,
    ViewStore,
)
from domain.protocol.types import Sealed
from domain.room.view import Message, RoomView


class Own(NamedTuple):
    """A room of a person.

    Attributes
    ----------
    posted: version of their newest post in it; 0 where there is none.
    joined: when they joined, as `at` of events; None where an earlier release folded that.
    """

    room: str
    role: str
    posted: int
    joined: str | None


class Views:
    """Folded rooms and read marks.

    Parameters
    ----------
    store: the store of all views.
    """

    def __init__(self, store: ViewStore) -> None:
        self.store = store

    # Rooms

    def header(self, room: str) -> dict[str, Any] | None:
        return header_of(self.store.head(room_stream(room)))

    def headers(self, rooms: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Returns the headers of the rooms that exist."""
        heads = self.store.heads([room_stream(room) for room in rooms])
        return {s[2:]: header for s, h in heads.items() if (header := header_of(h)) is not None}

    def rooms(self) -> Iterator[str]:
        """Yields every room."""
        for listed in (OPEN, PRIVATE):
            for stream in self.store.under(listed):
                yield stream[2:]

    # Messages

    def message(self, room: str, version: int) -> Message | None:
        return self.store.row(room_stream(room), message_key(version))

    def folded_message(self, room: str, version: int) -> tuple[Message, int] | None:
        """Returns a message and the version up to which events are certainly in it."""
        return self.store.folded(room_stream(room), message_key(version))

    def messages_at(self, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Message]:
        """Returns existing messages by (room, version)."""
        places = {(room_stream(room), message_key(v)): (room, v) for room, v in keys}
        return {places[at]: row for at, row in self.store.rows(list(places)).items()}

    def page(self, room: str, before: int | None, limit: int) -> list[Message]:
        """Returns the newest `limit` messages with a version below `before`, oldest first."""
        last = f"{MESSAGES}~" if before is None else message_key(before - 1)
        span = Span(room_stream(room), MESSAGES, last, limit, newest=True)
        return self.store.span(span)

    def ordinal(self, room: str, version: int) -> int:
        """Returns `n` of the newest message at or below `version`; 0 if there is none."""
        span = Span(room_stream(room), MESSAGES, message_key(version))
        return self.store.numbers([span])[0] or 0

    def ordinals(self, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Returns ordinals by (room, version), as `ordinal` does for one; every key has one."""
        spans = [Span(room_stream(room), MESSAGES, message_key(v)) for room, v in keys]
        numbers = self.store.numbers(spans)
        return {key: n or 0 for key, n in zip(keys, numbers, strict=True)}

    # Members

    def member(self, room: str, user: str) -> dict[str, Any] | None:
        """Returns `{name, role, posted}`; role is None for a person who left."""
        # The head first: a value that it no longer has was written to the row before.
        head = self.store.head(room_stream(room)) if self.store.spares_rows else Head()
        posted = head.fields.get(POSTED, {})
        row = self.store.row(room_stream(room), member_key(user))
        if row is None and user not in posted:
            return None
        return member_of(row or {}, posted.get(user, 0))

    def members(self, room: str, after_user: str, limit: int) -> list[dict[str, Any]]:
        """Returns `{user, name, role}` of present members, by user id."""
        first = after(member_key(after_user)) if after_user else MEMBERS
        span = Span(room_stream(room), first, f"{MEMBERS}~", limit, listed=True)
        return [
            {"user": key[2:], "name": row.get("name"), "role": row["role"]}
            for key, row in self.store.keyed(span)
        ]

    def names(self, room: str, users: Sequence[str]) -> dict[str, Sealed]:
        """Returns names of members, including past ones."""
        return {user: name for (_, user), name in self.names_of([(room, u) for u in users]).items()}

    def names_of(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Sealed]:
        """Returns names by (room, user), as `names` does for one room."""
        return {key: cast(Sealed, row.get("name")) for key, row in self._member_rows(keys).items()}

    def rooms_of(self, user: str, after: str = "", limit: int | None = None) -> list[Own]:
        """Returns the user's rooms, by id: those above `after`, at most `limit`."""
        rooms: list[Own] = []
        place = room_stream(after) if after else ""
        while limit is None or len(rooms) < limit:
            streams = self.store.under(user, place, limit)
            rooms += self._roles(user, streams)
            if limit is None or len(streams) < limit:
                break
            place = streams[-1]
        return rooms[:limit]

    def _roles(self, user: str, streams: Sequence[str]) -> Iterable[Own]:
        heads = self.store.heads(streams)
        rows = self.store.rows([(stream, member_key(user)) for stream in streams])
        for (stream, _), row in sorted(rows.items()):
            if stream in heads and row.get("role") is not None:
                posted = heads[stream].fields.get(POSTED, {})
                member = member_of(row, posted.get(user, 0))
                yield Own(stream[2:], member["role"], member["posted"], row.get("joined"))

    def roles_of(self, user: str, rooms: Sequence[str]) -> dict[str, str]:
        """Returns the user's role by room, for those of `rooms` that they are in."""
        rows = self._member_rows([(room, user) for room in rooms])
        return {room: row["role"] for (room, _), row in rows.items() if row.get("role") is not None}

    def _member_rows(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Document]:
        places = {(room_stream(room), member_key(user)): (room, user) for room, user in keys}
        return {places[at]: row for at, row in self.store.rows(list(places)).items()}

    # Folding rooms

    def fold_of(self, base: Head, view: RoomView) -> Fold:
        """Returns the changes of a view since `base`."""
        posted, rest = self._posted(base, view)
        rows = {message_key(version): view.messages[version] for version in sorted(view.changed)}
        patches = [
            _member_patch(user, patch, posted.pop(user, None))
            for user, patch in view.members.items()
        ]
        if not base.version:
            listed = OPEN if view.kind in OPEN_KINDS else PRIVATE
            patches.append(Patch(ROOM, {}, under=listed))
        numbers = {f"{MEMBERS}{user}": version for user, version in posted.items()}
        fields = {**view.header(), **rest}
        return Fold(Head(fields.pop("version"), fields), rows, numbers, patches)

    def _posted(self, base: Head, view: RoomView) -> tuple[dict[str, int], dict[str, Any]]:
        """Returns the newest posts to write to rows, and those that stay in the head."""
        if not self.store.spares_rows:
            return dict(view.posted), {}
        posted = {**base.fields.get(POSTED, {}), **view.posted}
        if len(posted) > WRITERS:
            return posted, {POSTED: {}}
        # The rows of members who joined or left are written anyway.
        moved = {user: posted.pop(user) for user in posted.keys() & view.members.keys()}
        return moved, {POSTED: posted}

    # People

    def marks(self, user: str, rooms: Sequence[str] | None = None) -> dict[str, int]:
        """Returns the user's read marks by room: for `rooms`, or all of them."""
        if rooms is not None and not rooms:
            return {}
        # A caller that has read the head gets rows that are not older.
        self.store.head(person_stream(user))
        # One range contains all the rooms: their marks are close together in it.
        first, last = (min(rooms), max(rooms)) if rooms else ("", "~")
        rows = self.store.keyed(Span(person_stream(user), f"{MARKS}{first}", f"{MARKS}{last}"))
        marks = {key.removeprefix(MARKS): int(row["mark"]) for key, row in rows}
        return marks if rooms is None else {r: marks[r] for r in rooms if r in marks}

    def forget_marks(self, user: str) -> None:
        """Drops the read marks of an erased person. May be repeated."""
        self.store.drop(person_stream(user), MARKS, f"{MARKS}~")

    def forget_names(self, user: str) -> None:
        """Removes an erased person's name from the rooms that they are in: it becomes None there.
        May be repeated.

        A room that is rebuilt may contain the sealed name again, as its log does; the key no longer
        exists.
        """
        self.store.amend(user, {"name": None})

    def refresh(self, stream: str) -> None:
        """Drops this process's cache of a room or a person: the next fold reads it."""
        self.store.refresh(stream_of(stream))

    # An operator's

    def dump(self) -> Iterator[dict[str, Any]]:
        """Yields every row in a fixed order, rooms first; equal dumps are equal views."""
        streams = list(self.store.every())
        for stream, head in sorted(streams, key=lambda one: (not one[0].startswith("R#"), one[0])):
            name = stream[2:]
            if stream.startswith("P#"):
                marks = dict(sorted(self.marks(name).items()))
                yield {"person": name, "version": head.version, "marks": marks}
                for key, row in self._others(stream, MARKS):
                    yield {"person": name, "row": key, **row}
            else:
                yield {"room": name, **(header_of(head) or {})}
                yield from self._dump_rows(name, head)

    def _dump_rows(self, room: str, head: Head) -> Iterator[dict[str, Any]]:
        posted = head.fields.get(POSTED, {})
        members = {user: member_of({}, version) for user, version in posted.items()}
        stream = room_stream(room)
        keys = [key for key, _ in self.store.keyed(Span(stream, MEMBERS, f"{MEMBERS}~"))]
        for (_, key), row in self.store.rows([(stream, key) for key in keys]).items():
            members[key[2:]] = member_of(row, posted.get(key[2:], 0))
        for user, member in sorted(members.items()):
            yield {"room": room, "user": user, **member}
        for message in self.store.span(Span(stream, MESSAGES, f"{MESSAGES}~")):
            yield {"room": room, "message": message}
        for key, row in self._others(stream, MESSAGES, MEMBERS):
            yield {"room": room, "row": key, **row}

    def _others(self, stream: str, *known: str) -> Iterator[tuple[str, Document]]:
        """Yields the rows of further projections: their keys begin with none of the `known`."""
        first = FIRST
        for prefix in known:
            yield from self._between(stream, first, prefix)
            first = after(f"{prefix}~")
        yield from self._between(stream, first, LAST)

    def _between(self, stream: str, first: str, last: str) -> Iterator[tuple[str, Document]]:
        for key, row in self.store.keyed(Span(stream, first, last)):
            if key != ROOM:
                yield key, row

    def clear(self) -> None:
        self.store.clear()


def _member_patch(user: str, patch: Mapping[str, Any], posted: int | None) -> Patch:
    fields = dict(patch)
    if posted is not None:
        fields[NUMBER] = posted
    under = SAME if "role" not in fields else None if fields["role"] is None else user
    return Patch(member_key(user), fields, under)
