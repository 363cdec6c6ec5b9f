"""Server frames as bytes. The hot path joins encoded parts; tests hold the results against
the wire models."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

import orjson

from domain.errors import ParleyError
from domain.protocol.limits import MAX_FRAME

NAME_BYTES = 224
"""Maximum of bytes that an author's name adds to a frame: 32 code points of 4 bytes or of escapes
of 6, an id of 34, quotes and commas."""

EVENTS_BUDGET = MAX_FRAME - 512
"""Bytes of a frame's events and names; the rest is for its other fields."""

PONG = b'{"type":"pong"}'
"""The answer to a ping without versions."""


def pong(heads: Mapping[str, int], user: int | None) -> bytes:
    frame: dict[str, Any] = {"type": "pong", "heads": heads}
    if user is not None:
        frame["user"] = user
    return orjson.dumps(frame)


def ack(id: str, room: str, version: int) -> bytes:
    return orjson.dumps({"type": "ack", "id": id, "room": room, "version": version})


def error(refusal: ParleyError, id: str | None) -> bytes:
    frame = {"type": "error", "code": refusal.code, "message": refusal.message}
    if id is not None:
        frame["id"] = id
    return orjson.dumps(frame)


def presence(room: str, user: str, state: str) -> bytes:
    return orjson.dumps({"type": "presence", "room": room, "user": user, "state": state})


def typing(room: str, user: str) -> bytes:
    return orjson.dumps({"type": "typing", "room": room, "user": user})


def nameless(room: str, user: str) -> bytes:
    """An `events` frame that tells a room that a person has no name any more."""
    return orjson.dumps({"type": "events", "room": room, "events": [], "people": {user: None}})


def chunks(
    parts: Iterable[bytes], budget: int, authors: Iterable[str] = ()
) -> Iterator[list[bytes]]:
    """Splits encoded parts into runs of at most `budget` bytes; a run has at least one part.

    If `authors` are given, one per part, each run leaves space for the names of its authors. Parts
    are taken from an iterator only as runs need them, and one more.
    """
    run: list[bytes] = []
    size = 0
    named = {""}
    for part, author in zip(parts, authors or repeat(""), strict=False):
        name = 0 if author in named else NAME_BYTES
        if run and size + len(part) + 1 + name > budget:
            yield run
            run, size, named = [], 0, {""}
            name = NAME_BYTES if author else 0
        run.append(part)
        size += len(part) + 1 + name
        named.add(author)
    if run:
        yield run


def events(
    room: str, parts: Sequence[bytes], authors: Sequence[str], people: dict[str, str | None]
) -> Iterator[bytes]:
    """Yields `events` frames of encoded events; each contains the names of its authors."""
    head = b'{"type":"events","room":"%b","events":[' % room.encode()
    done = 0
    for run in chunks(parts, EVENTS_BUDGET, authors):
        names = {
            author: people[author] for author in authors[done : done + len(run)] if author in people
        }
        done += len(run)
        yield b'%b%b],"people":%b}' % (head, b",".join(run), orjson.dumps(names))


def user(events: Sequence[dict[str, Any]]) -> Iterator[bytes]:
    """Yields `user` frames of the person's own log."""
    parts = [orjson.dumps(event) for event in events]
    done = 0
    for run in chunks(parts, MAX_FRAME - 100):
        done += len(run)
        version = events[done - 1]["version"]
        yield b'{"type":"user","version":%d,"events":[%b]}' % (version, b",".join(run))
