"""A WebSocket spoken by hand, for frames that no client library would let out."""

import os
import socket
from base64 import b64encode
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
PATIENCE = 20.0


@dataclass(frozen=True)
class Received:
    """A frame of the server. `opcode` 0 with no payload: the connection ended without one."""

    opcode: int
    payload: bytes

    @property
    def code(self) -> int:
        assert self.opcode == CLOSE, self
        return int.from_bytes(self.payload[:2], "big")


END = Received(0, b"")


def frame(
    payload: bytes,
    opcode: int = TEXT,
    *,
    fin: bool = True,
    masked: bool = True,
    reserved: int = 0,
    length: int | None = None,
) -> bytes:
    """Returns a client's frame; `length` declares another one than the payload has."""
    size = len(payload) if length is None else length
    head = bytes([fin << 7 | reserved << 4 | opcode])
    mask = masked << 7
    if size < 126:
        head += bytes([mask | size])
    elif size < 2**16:
        head += bytes([mask | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([mask | 127]) + size.to_bytes(8, "big")
    if not masked:
        return head + payload
    key = os.urandom(4)
    pad = (key * (len(payload) // 4 + 1))[: len(payload)]
    hidden = int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")
    return head + key + hidden.to_bytes(len(payload), "big")


def handshake(url: str, *extra: str, version: str = "13", key: str | None = None) -> bytes:
    """Returns the request that opens a WebSocket."""
    parts = urlsplit(url)
    lines = [
        f"GET {parts.path}?{parts.query} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {b64encode(os.urandom(16)).decode() if key is None else key}",
        f"Sec-WebSocket-Version: {version}",
        *extra,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class RawSocket:
    """An opened WebSocket. Whatever is sent goes out as it is."""

    def __init__(self, url: str, *, after: bytes = b"", buffer: int = 0) -> None:
        parts = urlsplit(url)
        self._socket = socket.socket()
        self._socket.settimeout(PATIENCE)
        if buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self._socket.connect((parts.hostname or "", parts.port or 0))
        self._unread = b""
        self.send(handshake(url) + after)
        while b"\r\n\r\n" not in self._unread:
            assert self._more(), self._unread
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def _more(self) -> bool:
        try:
            data = self._socket.recv(65_536)
        except ConnectionResetError:
            data = b""
        self._unread += data
        return bool(data)

    def _take(self, size: int) -> bytes | None:
        while len(self._unread) < size:
            if not self._more():
                return None
        taken, self._unread = self._unread[:size], self._unread[size:]
        return taken

    def read(self) -> Received:
        """Returns the server's next frame; END where there is none left."""
        head = self._take(2)
        if head is None:
            return END
        assert head[0] & 0x80, "the server does not fragment"
        assert not head[1] & 0x80, "a server does not mask"
        size = head[1]
        if size >= 126:
            wide = self._take(2 if size == 126 else 8)
            if wide is None:
                return END
            size = int.from_bytes(wide, "big")
        payload = self._take(size)
        return END if payload is None else Received(head[0] & 0x0F, payload)

    def close(self) -> None:
        self._socket.close()
