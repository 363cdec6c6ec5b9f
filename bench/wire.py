"""WebSocket frames as bytes: what a client sends (masked) and what it gets (unmasked)."""

from __future__ import annotations

import random
from collections.abc import Iterator

from websockets.utils import apply_mask

TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A
"""First bytes of frames with FIN set; the server is expected to send no fragments."""


class FrameError(Exception):
    """The server sent bytes that are no whole, unmasked frame of a known kind."""


def encode(payload: bytes, first: int = TEXT) -> bytes:
    """Give one masked client frame, as RFC 6455 section 5.2 has it."""
    size = len(payload)
    if size < 126:
        head = bytes((first, 0x80 | size))
    elif size < 65536:
        head = bytes((first, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, 0x80 | 127)) + size.to_bytes(8, "big")
    mask = random.getrandbits(32).to_bytes(4, "big")
    return head + mask + apply_mask(payload, mask)


class Splitter:
    """Cuts the bytes of one connection into frames, however the reads fell."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Give (first byte, payload) of every frame that is whole by now.

        The generator must be run to its end: it keeps the remainder there.
        """
        if self._rest:
            data = self._rest + data
        at, end = 0, len(data)
        while end - at >= 2:
            first, size, start = data[at], data[at + 1], at + 2
            if size == 126:
                start = at + 4
                if start > end:
                    break
                size = data[at + 2] << 8 | data[at + 3]
            elif size == 127:
                start = at + 10
                if start > end:
                    break
                size = int.from_bytes(data[at + 2 : start], "big")
            elif size > 127:
                raise FrameError("a masked frame from the server")
            if start + size > end:
                break
            at = start + size
            yield first, data[start:at]
        self._rest = data[at:]
