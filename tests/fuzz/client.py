"""WebSockets and HTTP over plain streams. Each answer is looked at: `Faults` collects what a
server must never say, with what was sent before."""

import asyncio
import json
import random
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from domain.protocol.limits import MAX_FRAME
from domain.protocol.server import server_frame
from tests.server.raw import CLOSE, TEXT, frame, handshake

TIMEOUT = 20.0
KEPT = 40
"""Frames of a socket that a fault shows."""

CHECKED = 20
"""One in so many server frames is validated against the wire's models."""


@dataclass
class Faults:
    """What was answered wrongly, and how often what was answered."""

    found: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)

    def add(self, what: str, sent: Any) -> None:
        self.answers["FAULT"] += 1
        if len(self.found) < 50:
            self.found.append(f"{what}; sent before: {sent}"[:6_000])

    def text(self, data: bytes, sent: Any, look_closely: bool) -> dict[str, Any] | None:
        """Looks at a server's frame; returns it parsed."""
        if len(data) > MAX_FRAME:
            self.add(f"a frame of {len(data)} bytes", sent)
        try:
            got: dict[str, Any] = json.loads(data)
            if look_closely:
                server_frame.validate_json(data)
        except (ValueError, ValidationError) as error:
            self.add(f"not a frame of the protocol: {type(error).__name__} {data[:300]!r}", sent)
            return None
        kind = str(got.get("type"))
        self.answers[f"{kind} {got['code']}" if kind == "error" else kind] += 1
        if kind == "error" and (got["code"] == "internal" or "Traceback" in got["message"]):
            self.add(f"answered {got}", sent)
        return got


class WebSocket:
    """One socket. With `reading` off nothing is ever taken from it."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        faults: Faults,
        reading: bool,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._faults = faults
        self.sent: deque[bytes] = deque(maxlen=KEPT)
        self.frames: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.code: int | None = None
        self.queueing = False
        self._task = asyncio.create_task(self._read()) if reading else None

    @classmethod
    async def open(cls, url: str, faults: Faults, *, reading: bool = True) -> "WebSocket":
        """Raises OSError where the server refuses the handshake."""
        parts = urlsplit(url)
        limit = 2**17 if reading else 1
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=limit)
        writer.write(handshake(url))
        head = await asyncio.wait_for(_head(reader), TIMEOUT)
        status = head.split(b" ", 2)[1:2]
        if status != [b"101"]:
            faults.answers[f"handshake {status}"] += 1
            if status and status[0].startswith(b"5"):
                faults.add(f"handshake answered {head[:200]!r}", url.partition("?")[0])
            writer.close()
            raise ConnectionRefusedError(head[:80])
        return cls(reader, writer, faults, reading)

    async def send(self, *payloads: bytes) -> None:
        """Sends text frames in one write."""
        self.sent.extend(payload[:400] for payload in payloads)
        await self.send_bytes(b"".join(map(frame, payloads)))

    async def send_bytes(self, data: bytes) -> None:
        if self._writer.is_closing():
            raise ConnectionResetError
        self._writer.write(data)
        await asyncio.wait_for(self._writer.drain(), TIMEOUT)

    async def _read(self) -> None:
        dice = random.Random(0)
        try:
            while True:
                head = await self._reader.readexactly(2)
                size = head[1] & 0x7F
                if size == 126:
                    size = int.from_bytes(await self._reader.readexactly(2), "big")
                elif size == 127:
                    size = int.from_bytes(await self._reader.readexactly(8), "big")
                data = await self._reader.readexactly(size)
                opcode = head[0] & 0x0F
                if opcode == TEXT:
                    look = dice.randrange(CHECKED) == 0
                    got = self._faults.text(data, list(self.sent), look)
                    if got is not None and self.queueing:
                        self.frames.put_nowait(got)
                elif opcode == CLOSE:
                    self.code = int.from_bytes(data[:2], "big")
                    self._faults.answers[f"closed {self.code}"] += 1
                    if self.code == 1011:
                        self._faults.add("closed with 1011", list(self.sent))
                    return
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self._writer.close()

    @property
    def open_still(self) -> bool:
        return not self._writer.is_closing()

    async def close(self, *, abruptly: bool = False) -> None:
        if abruptly:
            self._writer.transport.abort()
        self._writer.close()
        if self._task is not None:
            self._task.cancel()


async def _head(reader: asyncio.StreamReader) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = await reader.read(1)
        if not byte:
            break
        head += byte
    return head


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes


async def call(
    origin: str,
    method: str,
    path: bytes,
    faults: Faults,
    *,
    token: str | None = None,
    body: bytes = b"",
    headers: tuple[bytes, ...] = (),
) -> Reply:
    """Makes one HTTP call with a connection of its own; status 0 where none came."""
    parts = urlsplit(origin)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    lines = [
        b"%b %b HTTP/1.1" % (method.encode(), path),
        b"Host: " + parts.netloc.encode(),
        b"Connection: close",
        *headers,
    ]
    if token is not None:
        lines.append(b"Authorization: Bearer " + token.encode())
    if body:
        lines += [b"Content-Type: application/json", b"Content-Length: %d" % len(body)]
    shown = (method, path[:300], body[:300])
    try:
        writer.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        await writer.drain()
        answer = await asyncio.wait_for(reader.read(-1), TIMEOUT)
    except TimeoutError:
        faults.add(f"no answer within {TIMEOUT} s", shown)
        return Reply(0, b"")
    except OSError:
        return Reply(0, b"")
    finally:
        writer.close()
    head, _, content = answer.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    faults.answers[f"http {status}"] += 1
    # 503 is `room_busy`, or the web app that was not built.
    if (status >= 500 and status != 503) or b"Traceback (most" in content:
        faults.add(f"HTTP {status} {content[:300]!r}", shown)
    return Reply(status, content)
