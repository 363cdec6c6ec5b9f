"""One WebSocket connection of the load generator.

It is simple on purpose: one core must receive more than 125,000 events a second. So the handshake
is `websockets`' sans-io `ClientProtocol`, and `wire.Splitter` splits frames. Nothing is skipped:
each frame of each connection is received completely and looked up by all of its bytes; equal bytes
are parsed once for all connections (`ledger.Ledger`), while count, room and versions are checked
for each. Latency is measured when the bytes reach `data_received`, so it includes the wait for the
generator's own core.
"""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Any, cast

import orjson
from websockets.client import ClientProtocol
from websockets.protocol import State
from websockets.typing import Origin
from websockets.uri import parse_uri

from bench.ledger import Batch, Ledger, loads, text_of
from bench.wire import CLOSE, PING, PONG, TEXT, FrameError, Splitter, encode

TIMEOUT = 20.0
"""Seconds that any one answer may take during set-up."""


class Refused(Exception):
    """The server answered a command with an error; the argument is its code."""


class Connection(asyncio.Protocol):
    """A member of one room that reads everything, and posts if it has a window.

    `arrivals` holds (when, batch) and `acks` (when, when sent) of everything since the start.
    """

    def __init__(self, ledger: Ledger, index: int, url: str, origin: str) -> None:
        self.ledger, self.index = ledger, index
        self.room = ""
        self.head = -1
        self.window = self.in_flight = 0
        self.quota: float = float("inf")
        self.arrivals: list[tuple[float, Batch]] = []
        self.acks: list[tuple[float, float]] = []
        self.frames = self.octets = 0
        self.progress = asyncio.Event()
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._held: list[tuple[float, Batch]] = []
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._commands = 0
        self._closing = False
        self._shake: ClientProtocol | None = ClientProtocol(parse_uri(url), origin=Origin(origin))
        self._greeting = b""
        self._splitter = Splitter()
        self._transport: asyncio.Transport

    # The transport's calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the upgrade request."""
        assert self._shake is not None
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._shake.send_request(self._shake.connect())
        self._transport.write(b"".join(self._shake.data_to_send()))

    def data_received(self, data: bytes) -> None:
        """Take the time, then every whole frame; answer acks with the next posts in one write."""
        now = perf_counter()
        self.octets += len(data)
        if self._shake is not None:
            data = self._handshake(data)
        try:
            for first, payload in self._splitter.feed(data):
                if first == TEXT:
                    batch = self.ledger.known_batch(payload)
                    if batch is not None:
                        self._events(now, batch)
                    else:
                        self._text(now, payload)
                else:
                    self._control(first, payload)
        except (FrameError, ValueError, KeyError) as fault:
            self.ledger.fail(f"connection {self.index}: a bad frame: {fault!r}")
            self.close()
        if self.window > self.in_flight and self.ledger.posting:
            self.post(self.window - self.in_flight)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail waiting calls; a close that the generator did not request is a failure."""
        if not self._closing:
            self.ledger.fail(f"connection {self.index} was lost: {exc!r}")
        closed = ConnectionError("the server closed")
        if not self.opened.done():
            self.opened.set_exception(closed)
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(closed)
        self.progress.set()

    # Frames.

    def _handshake(self, data: bytes) -> bytes:
        shake = self._shake
        assert shake is not None
        self._greeting += data
        head, end, rest = self._greeting.partition(b"\r\n\r\n")
        if not end:
            return b""
        self._shake = None
        shake.receive_data(head + end)
        if shake.state is State.OPEN:
            self.opened.set_result(None)
            return rest
        self._closing = True
        self.opened.set_exception(shake.handshake_exc or ConnectionError("no upgrade"))
        self._transport.close()
        return b""

    def _text(self, now: float, payload: bytes) -> None:
        frame = loads(payload)
        kind = frame["type"]
        if kind == "ack" or kind == "error":
            self._answer(now, kind, frame)
        elif kind == "events":
            self._events(now, self.ledger.batch(payload, frame))
        elif kind == "synced":
            self._synced(frame)

    def _answer(self, now: float, kind: str, frame: dict[str, Any]) -> None:
        command = frame.get("id") or ""
        if command in self._waiting:
            self._waiting.pop(command).set_result(frame)
        elif command not in self.ledger.sent:
            self.ledger.fail(f"connection {self.index}: an answer to nothing: {frame}")
        else:
            self.in_flight -= 1
            if kind == "ack":
                at = self.ledger.ack(command, frame["room"], frame["version"])
                self.acks.append((now, at))
            else:
                self.ledger.refuse(command, frame["code"])
            self.progress.set()

    def _events(self, now: float, batch: Batch) -> None:
        if self.head < 0:
            self._held.append((now, batch))
            return
        if batch.first != self.head + 1 or batch.room != self.room:
            self.ledger.fail(
                f"connection {self.index}: {batch.room} {batch.first} to {batch.last}"
                f" came where {self.room} {self.head + 1} was due"
            )
        self.head = batch.last
        self.frames += 1
        self.arrivals.append((now, batch))
        self.progress.set()

    def _synced(self, frame: dict[str, Any]) -> None:
        answer = frame["rooms"].get(self.room) if self.room else None
        if answer is not None:
            if answer.get("error"):
                self.ledger.fail(f"sync of {self.room}: {answer['error']}")
            snapshot = answer.get("snapshot")
            self.head = snapshot["version"] if snapshot else answer["head"]
            held, self._held = self._held, []
            for now, batch in held:
                if batch.last > self.head:
                    self._events(now, batch)
        if not frame.get("more") and frame["id"] in self._waiting:
            self._waiting.pop(frame["id"]).set_result(frame)

    def _control(self, first: int, payload: bytes) -> None:
        if first == PING:
            self._transport.write(encode(payload, PONG))
        elif first == CLOSE:
            if not self._closing:
                code = int.from_bytes(payload[:2], "big")
                self.ledger.fail(f"connection {self.index} was closed with {code} {payload[2:]!r}")
            self.close()
        elif first != PONG:
            raise FrameError(f"first byte {first:#x}")

    # Methods for the scenarios.

    async def command(self, action: str, **fields: object) -> dict[str, Any]:
        """Send one command and wait for its answer; raise `Refused` with an error's code."""
        self._commands += 1
        name = f"s{self.index}.{self._commands}"
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[name] = future
        self._transport.write(encode(orjson.dumps({"action": action, "id": name, **fields})))
        answer = await asyncio.wait_for(future, TIMEOUT)
        if answer["type"] == "error":
            raise Refused(answer["code"])
        return answer

    def post(self, count: int = 1) -> None:
        """Post so many messages of ours in one write, within the quota."""
        frames = []
        names = []
        while count > 0 and self.quota > 0:
            count -= 1
            self.quota -= 1
            self._commands += 1
            name = f"p{self.index}.{self._commands}"
            body = {"action": "post", "id": name, "room": self.room, "text": text_of(name)}
            frames.append(encode(orjson.dumps(body)))
            names.append(name)
        self.in_flight += len(names)
        sent = (perf_counter(), self.index)
        for name in names:
            self.ledger.sent[name] = sent
        self._transport.write(b"".join(frames))

    def close(self) -> None:
        """Send a close frame and close, without waiting for the server's close frame."""
        if not self._closing:
            self._closing = True
            self._transport.write(encode((1000).to_bytes(2, "big"), CLOSE))
        self._transport.close()


async def connect(ledger: Ledger, index: int, url: str, origin: str) -> Connection:
    """Open one WebSocket at the address of a ticket."""
    target = parse_uri(url)
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(
        lambda: Connection(ledger, index, url, origin), target.host, target.port
    )
    await asyncio.wait_for(connection.opened, TIMEOUT)
    return connection
