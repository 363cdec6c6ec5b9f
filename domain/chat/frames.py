"""Server frames as bytes. The hot path joins encoded parts; tests hold the results against
the wire models."""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from domain.errors import ParleyError
from domain.protocol.fields import MAX_FRAME

PONG = b'{"type":"pong"}'


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


def chunks(parts: Sequence[bytes], budget: int) -> Iterator[Sequence[bytes]]:
    """Cuts encoded parts into runs of at most `budget` bytes; a run has at least one."""
    start, size = 0, 0
    for index, part in enumerate(parts):
        if size + len(part) + 1 > budget and index > start:
            yield parts[start:index]
            start, size = index, 0
        size += len(part) + 1
    if start < len(parts):
        yield parts[start:]


def events(room: str, parts: Sequence[bytes], people: dict[str, str | None]) -> Iterator[bytes]:
    """Yields `events` frames of at most 32 KB of encoded events."""
    names = orjson.dumps(people)
    head = b'{"type":"events","room":"%b","events":[' % room.encode()
    for run in chunks(parts, MAX_FRAME - len(names) - len(head) - 16):
        yield b'%b%b],"people":%b}' % (head, b",".join(run), names)


def user(events: Sequence[dict[str, Any]]) -> Iterator[bytes]:
    """Yields `user` frames of the person's own log."""
    parts = [orjson.dumps(event) for event in events]
    done = 0
    for run in chunks(parts, MAX_FRAME - 100):
        done += len(run)
        version = events[done - 1]["version"]
        yield b'{"type":"user","version":%d,"events":[%b]}' % (version, b",".join(run))
