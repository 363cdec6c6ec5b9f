"""One client connection, the same for every server except for its protocol.

A protocol's class defines how bytes become complete chunks (`cut`), which messages and
acknowledgements a chunk contains (`scan`), and how messages are written (`encode`). The loop around
them is shared: the time is measured when bytes arrive, chunks with equal bytes are scanned once for
all connections, and each connection checks that it gets every message once and in its writer's
order.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import cast

from bench.server import HOST

TEXT_SIZE = 200
"""Bytes of a message's text."""

TIMEOUT = 20.0
"""Seconds that an answer may take while a run is prepared."""

KNOWN_CHUNKS = 256
"""Number of cached scanned chunks; one has at most about 256 KB."""

KEPT_FAILURES = 10

MARK = rb"(\d{3})-(\d{7}) x"
"""The beginning of a text: the numbers of its writer and of the message."""


def text_of(writer: int, number: int) -> bytes:
    """Returns the text of a writer's message; no other message has it."""
    return b"%03d-%07d " % (writer, number) + b"x" * (TEXT_SIZE - 12)


@dataclass(frozen=True, slots=True)
class Chunk:
    """The content of a chunk: runs of messages (writer, first, last) and acknowledgements."""

    posts: tuple[tuple[int, int, int], ...] = ()
    acks: int = 0


def runs_of(marks: Sequence[tuple[bytes, bytes]]) -> tuple[tuple[int, int, int], ...]:
    """Groups the marks of a chunk. Raises ValueError if a writer's messages have a gap."""
    found: dict[int, list[int]] = {}
    for writer, number in marks:
        run = found.setdefault(int(writer), [])
        if not run:
            run += [int(number), int(number)]
        elif int(number) == run[1] + 1:
            run[1] += 1
        else:
            raise ValueError(f"message {int(number)} of writer {int(writer)} after {run[1]}")
    return tuple((writer, first, last) for writer, (first, last) in found.items())


class Run:
    """The records of one run, shared by its connections."""

    def __init__(self) -> None:
        self.posting = False
        self.sent: dict[int, list[float]] = {}
        """By writer, when each of its messages was sent."""
        self.known: dict[bytes, Chunk] = {}
        self.failures: list[str] = []
        self.progress: Callable[[], None] = lambda: None
        """Called whenever a connection has received something."""

    def fail(self, what: str) -> None:
        if len(self.failures) < KEPT_FAILURES:
            self.failures.append(what)


class Member(asyncio.Protocol):
    """A member of one room.

    Attributes
    ----------
    next: by writer, the number of the message that is due.
    arrivals: (when, writer, first, last) of all that was received.
    acks: (when, how many) of all acknowledgements.
    """

    def __init__(self, run: Run, index: int, room: str) -> None:
        self.run, self.index, self.room = run, index, room
        self.window = self.in_flight = 0
        self.octets = self.posted = 0
        self.next: dict[int, int] = {}
        self.arrivals: list[tuple[float, int, int, int]] = []
        self.acks: list[tuple[float, int]] = []
        self.ready = False
        """Whether received bytes are measured; before that, they are the server's greeting."""
        self._greeting = b""
        self._arrived = asyncio.Event()
        self._closing = False
        self._transport: asyncio.Transport

    # Methods of a protocol.

    def cut(self, data: bytes) -> Sequence[bytes]:
        """Returns the complete chunks of the received bytes; keeps the rest for the next call."""
        raise NotImplementedError

    def scan(self, chunk: bytes) -> Chunk:
        """Returns the content of a chunk. Raises ValueError for bytes that are not understood."""
        raise NotImplementedError

    def encode(self, text: bytes) -> bytes:
        """Returns the bytes that post a text in the room."""
        raise NotImplementedError

    async def enter(self) -> None:
        """Greets the server and enters the room."""
        raise NotImplementedError

    # The transport's calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        now = perf_counter()
        self.octets += len(data)
        if not self.ready:
            self._greeting += data
            self._arrived.set()
            return
        known = self.run.known
        try:
            for chunk in self.cut(data):
                content = known.get(chunk)
                if content is None:
                    content = self.scan(chunk)
                    if len(known) >= KNOWN_CHUNKS:
                        del known[next(iter(known))]
                    known[chunk] = content
                self._take(now, content)
        except ValueError as fault:
            self.run.fail(f"connection {self.index}: {fault}")
            self.close()
        if self.window > self.in_flight and self.run.posting:
            self.post(self.window - self.in_flight)
        self.run.progress()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._closing:
            self.run.fail(f"connection {self.index} was lost: {exc!r}")
        self._arrived.set()

    def _take(self, now: float, content: Chunk) -> None:
        for writer, first, last in content.posts:
            due = self.next.get(writer, 0)
            if first != due:
                self.run.fail(
                    f"connection {self.index}: message {first} of writer {writer} came"
                    f" where {due} was due"
                )
            self.next[writer] = last + 1
            self.arrivals.append((now, writer, first, last))
        acks = self.acks_in(content)
        if acks:
            self.in_flight -= acks
            self.acks.append((now, acks))

    def acks_in(self, content: Chunk) -> int:
        """Returns the number of the connection's own messages that a chunk acknowledges."""
        return content.acks

    # Methods for scenarios.

    def post(self, count: int = 1) -> None:
        """Posts this many messages in one write."""
        first = self.posted
        self.posted += count
        self.in_flight += count
        data = b"".join(
            self.encode(text_of(self.index, number)) for number in range(first, self.posted)
        )
        self.run.sent.setdefault(self.index, []).extend([perf_counter()] * count)
        self._transport.write(data)

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    async def until(self, end: bytes) -> bytes:
        """Returns the bytes received up to and including `end`, before the run begins.

        Raises
        ------
        TimeoutError: they did not come.
        ConnectionError: the server closed.
        """
        while end not in self._greeting:
            if self._transport.is_closing():
                raise ConnectionError(f"closed after {self._greeting[-300:]!r}")
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), TIMEOUT)
            except TimeoutError:
                raise TimeoutError(f"no {end!r} in {self._greeting[-300:]!r}") from None
        place = self._greeting.index(end) + len(end)
        found, self._greeting = self._greeting[:place], self._greeting[place:]
        return found

    def start(self) -> None:
        """Starts to count received bytes for the run; earlier ones are dropped."""
        self._greeting = b""
        self.ready = True

    def close(self) -> None:
        self._closing = True
        self._transport.close()


async def enter(member: Member, port: int) -> Member:
    """Returns the member, connected and in its room."""
    loop = asyncio.get_running_loop()
    await loop.create_connection(lambda: member, HOST, port)
    await member.enter()
    return member


async def gather(
    rooms: int, members: int, make: Callable[[int, str], Awaitable[Member]]
) -> list[list[Member]]:
    """Returns the members of each room, who enter one after the other; numbers continue across
    rooms."""
    return [
        [await make(room * members + place, f"room-{room}") for place in range(members)]
        for room in range(rooms)
    ]
