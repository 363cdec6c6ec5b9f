"""The generator's own checks must detect the faults for which they exist: `pytest bench`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from websockets.frames import Frame, Opcode
from websockets.utils import apply_mask

from bench.client import Connection
from bench.ledger import Ledger, text_of
from bench.report import ROWS, TITLES
from bench.wire import TEXT, Splitter, encode

Push = Callable[..., None]


def event(version: int, command: str, **data: object) -> dict[str, Any]:
    """Give one posted message as it stands in a frame."""
    body = {"text": text_of(command), "kind": "text", "n": version, **data}
    return {"version": version, "type": "MessagePosted", "by": "u", "data": body, "id": command}


def seen(play: Callable[[Connection, Push], object]) -> tuple[str, ...]:
    """Give the failures noted by a connection that held version 7 and sent p0.1 and p0.2."""

    async def run() -> tuple[str, ...]:
        ledger = Ledger()
        connection = Connection(ledger, 0, "ws://host/", "http://host")
        connection._shake = None
        connection.room, connection.head, connection.in_flight = "r", 7, 2
        ledger.sent.update({"p0.1": (0.0, 0), "p0.2": (0.0, 0)})

        def push(*events: dict[str, Any], **fields: object) -> None:
            frame = {"type": "events", "room": "r", "events": events, "people": {}, **fields}
            payload = orjson.dumps(frame)
            connection.data_received(Frame(Opcode.TEXT, payload).serialize(mask=False))

        play(connection, push)
        ledger.check_acknowledged()
        return ledger.breaches()

    return asyncio.run(run())


def test_whole_run_has_no_failure() -> None:
    """Two messages, acknowledged and received once."""

    def play(connection: Connection, push: Push) -> None:
        push(event(8, "p0.1"))
        push(event(9, "p0.2"))
        for number in (1, 2):
            connection._answer(
                1.0, "ack", {"id": f"p0.{number}", "room": "r", "version": 7 + number}
            )

    assert seen(play) == ()


@pytest.mark.parametrize(
    "play",
    [
        lambda c, push: push(event(9, "p0.1")),
        lambda c, push: push(event(8, "p0.1"), event(10, "p0.2")),
        lambda c, push: (push(event(8, "p0.1")), push(event(8, "p0.1"))),
        lambda c, push: push(event(8, "p0.1"), event(9, "p0.1")),
        lambda c, push: push(event(8, "p0.1"), room="other"),
        lambda c, push: push(event(8, "p0.1", text="another")),
        lambda c, push: push(event(8, "p9.9")),
        lambda c, push: push(),
        lambda c, push: c._answer(1.0, "ack", {"id": "p0.1", "room": "r", "version": 8}),
        lambda c, push: [
            c._answer(1.0, "ack", {"id": "p0.1", "room": "r", "version": 8}),
            push(event(8, "p0.2")),
        ],
        lambda c, push: [
            c._answer(1.0, "error", {"id": "p0.1", "code": "room_busy"}),
            push(event(8, "p0.1")),
        ],
        lambda c, push: c._answer(1.0, "error", {"id": "p0.1", "code": "internal"}),
        lambda c, push: c.connection_lost(None),
    ],
    ids=[
        *("gap", "gap-inside", "duplicate", "stored-twice", "other-room", "other-text"),
        *("never-sent", "empty", "acked-and-lost", "acked-elsewhere", "refused-and-stored"),
        *("refused", "lost-connection"),
    ],
)
def test_a_breach_is_noted(play: Callable[[Connection, Push], object]) -> None:
    """Each way in which the contract can be broken."""
    assert seen(play)


def test_frames_are_cut_however_the_reads_fall() -> None:
    """All three sizes of length, at every cut."""
    payloads = [b"a" * 5, b"b" * 300, b"c" * 70_000]
    data = b"".join(bytes((TEXT,)) + _size(len(each)) + each for each in payloads)
    for cut in [*range(330), *range(330, len(data), 7_001)]:
        splitter = Splitter()
        found = [*splitter.feed(data[:cut]), *splitter.feed(data[cut:])]
        assert found == [(TEXT, each) for each in payloads]


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_client_frames_are_masked(size: int) -> None:
    """What is sent unmasks to the payload."""
    payload = b"x" * size
    frame = encode(payload)
    start = {0: 2, 1: 4, 2: 10}[(size > 125) + (size > 65_535)]
    assert frame[1] & 0x80
    assert apply_mask(frame[start + 4 :], frame[start : start + 4]) == payload


def test_every_row_has_its_title() -> None:
    """The table names each scenario."""
    assert {row.scenario for row in ROWS} == set(TITLES)


def _size(size: int) -> bytes:
    if size < 126:
        return bytes((size,))
    return b"\x7e" + size.to_bytes(2, "big") if size < 65_536 else b"\x7f" + size.to_bytes(8, "big")
