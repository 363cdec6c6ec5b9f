"""The WebSocket gateway, which replaces API Gateway: all sockets of the process, and fan-out.

A push is framed once, the same bytes go to every socket, and each socket is written once per loop
tick. `local/sockets.py` reads and writes a single socket.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from websockets.frames import Frame, Opcode

if TYPE_CHECKING:
    from local.sockets import Socket

IDLE_LIMIT = 600.0
"""Seconds without a frame after which a connection is closed, as API Gateway does."""


Handler = Callable[[Any, Any], dict[str, Any]]


class Handlers(Protocol):
    """The Lambda handlers that the gateway calls."""

    @property
    def authorize(self) -> Handler: ...

    @property
    def connect(self) -> Handler: ...

    @property
    def message(self) -> Handler: ...

    @property
    def disconnect(self) -> Handler: ...


class SocketGateway:
    """All sockets of the process; implements the Gateway port.

    Parameters
    ----------
    allowed: returns whether a handshake's Host and Origin may connect.
    in_thread: runs a call that may block on another thread.
    frames: frames a second that a socket may send; 0 for no limit.
    """

    def __init__(
        self,
        handlers: Handlers,
        loop: asyncio.AbstractEventLoop,
        allowed: Callable[[str, str | None], bool],
        in_thread: Callable[[Callable[[], Any]], "asyncio.Future[Any]"],
        frames: float = 0,
    ) -> None:
        self.frames = frames
        self.handlers = handlers
        self.loop = loop
        self.allowed = allowed
        self.in_thread = in_thread
        self.sockets: dict[str, Socket] = {}
        self._dirty: list[Socket] = []
        self._thread = threading.get_ident()
        self.delivered = 0

    def post(self, connection_ids: Sequence[str], frame: bytes) -> list[str]:
        """Queues a frame for each connection; returns the closed ones."""
        data = Frame(Opcode.TEXT, frame).serialize(mask=False)
        if threading.get_ident() != self._thread:
            self.loop.call_soon_threadsafe(self._queue, connection_ids, data)
            return [c for c in connection_ids if c not in self.sockets]
        return self._queue(connection_ids, data)

    def _queue(self, connection_ids: Sequence[str], data: bytes) -> list[str]:
        gone = []
        sockets = self.sockets
        for connection_id in connection_ids:
            socket = sockets.get(connection_id)
            if socket is None:
                gone.append(connection_id)
                continue
            if not socket.out:
                self.mark(socket)
            socket.out.append(data)
        return gone

    def mark(self, socket: "Socket") -> None:
        """Marks the socket to be written at the end of this tick."""
        if not self._dirty:
            self.loop.call_soon(self._flush)
        self._dirty.append(socket)

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, []
        for socket in dirty:
            socket.flush()

    def close(self, connection_id: str, code: int) -> None:
        if threading.get_ident() != self._thread:
            self.loop.call_soon_threadsafe(self._close, connection_id, code)
        else:
            self._close(connection_id, code)

    def _close(self, connection_id: str, code: int) -> None:
        socket = self.sockets.get(connection_id)
        if socket is not None:
            socket.close(code)

    def close_idle(self) -> None:
        """Closes connections that were silent for too long; called periodically."""
        limit = time.monotonic() - IDLE_LIMIT
        for socket in list(self.sockets.values()):
            if socket.heard < limit:
                socket.close(1001)
