"""One WebSocket: its frames, its limits, and its output.

The sans-I/O protocol of the `websockets` library implements framing and close rules.
"""

import asyncio
import logging
import time
from collections import deque
from typing import Any, cast

from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from domain.protocol.limits import MAX_FRAME
from functions.observing import report
from local import payloads
from local.gateway import SocketGateway
from local.handshake import Handshake

MAX_BUFFER = 4 * 1024 * 1024
"""Maximum of bytes that wait for a socket that does not read; beyond it, the socket is closed with
1013."""

ABORT_AFTER = 5.0
"""Seconds that a closing handshake may take."""

SLICE = 2 * 1024
"""Bytes of one socket that are parsed at a time: about 300 of the smallest frames, or 3 ms."""

SMALL = 8
"""Bytes of a slice that each frame counts for, whatever its length, because parsing costs per
frame. So a window of a dozen messages is handled in one tick, and only a limited number of small
frames."""

WHOLE = 4 * SLICE
"""Maximum of bytes of one socket that are parsed in a tick, whatever the length of the frames."""

TURN = 0.002
"""Seconds for which one socket's frames are handled before the other sockets' turn."""

FRAMES = 100
"""Frames a second that a socket may send if people's commands are metered. Beyond that, the socket
is not read until its allowance is refilled: parsing frames that are then refused would still take
the loop's time."""

BURST = 10
"""Size of a burst, in seconds of FRAMES."""

_silent = logging.getLogger("parley.websockets")
_silent.addHandler(logging.NullHandler())
_silent.propagate = False


class Socket(asyncio.Protocol):
    """One connection, passed on by the HTTP server with its upgrade request."""

    __slots__ = (
        "_context",
        "_deaf",
        "_earned",
        "_events",
        "_fragments",
        "_gateway",
        "_paused",
        "_pending",
        "_server_connections",
        "_tokens",
        "_transport",
        "heard",
        "id",
        "out",
        "protocol",
    )

    def __init__(self, gateway: SocketGateway, server_connections: set[Any]) -> None:
        self._gateway = gateway
        self._server_connections = server_connections
        self.protocol: ServerProtocol | None = ServerProtocol(max_size=MAX_FRAME, logger=_silent)
        self._transport: asyncio.Transport | None = None
        self._context: dict[str, Any] | None = None
        self._fragments: list[bytes] | None = None
        self.id = ""
        self.out: list[bytes] = []
        self.heard = time.monotonic()
        self._pending = b""
        self._events: deque[Any] = deque()
        self._paused = False
        self._tokens = gateway.frames * BURST
        self._earned = self.heard
        self._deaf = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._server_connections.add(self)

    def opened(self, connection_id: str, context: dict[str, Any]) -> None:
        """Called once the handshake is accepted: from here on pushes reach the socket."""
        self.id = connection_id
        self._context = context
        self._gateway.sockets[connection_id] = self

    def connection_lost(self, error: Exception | None) -> None:
        self._server_connections.discard(self)
        self._transport = None
        self.protocol = None
        self.out = []
        if self._gateway.sockets.pop(self.id, None) is not None:
            self._tell_gone()

    def _tell_gone(self) -> None:
        try:
            self._gateway.handlers.disconnect(
                payloads.socket_event(self._context or {}), payloads.CONTEXT
            )
        except Exception as failure:
            # An error of this socket must not affect other sockets that are written in the same
            # tick.
            report(failure, connection=self.id)

    def shutdown(self) -> None:
        """Called by the HTTP server when it stops."""
        self.close(1001)

    def data_received(self, data: bytes) -> None:
        self.heard = time.monotonic()
        self._pending += data
        if not self._paused:
            self._take()

    def _take(self) -> None:
        """Takes the next slice of the received bytes; the rest is taken in a later tick."""
        protocol = self.protocol
        if protocol is None:
            return
        self._earn()
        until = time.monotonic() + TURN
        left, whole = SLICE, WHOLE
        while self._events or (self._pending and left > 0 and whole > 0):
            if not self._events:
                size = min(left, whole)
                data, self._pending = self._pending[:size], self._pending[size:]
                protocol.receive_data(data)
                self._events.extend(protocol.events_received())
                left -= len(self._events) * SMALL
                whole -= size
            self._handle(until)
            if time.monotonic() > until:
                break
        self.send_protocol_data()
        frames = self._gateway.frames
        wait = (1 - self._tokens) / frames if frames and self._tokens < 0 else 0.0
        if self._pending or self._events or wait:
            self._pause(wait)
        elif self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    def _handle(self, until: float) -> None:
        """Handles parsed events, at least one, until the turn is over."""
        events = self._events
        while events:
            event = events.popleft()
            self._tokens -= 1
            if isinstance(event, Request):
                Handshake(self._gateway, self, event).begin()
            elif isinstance(event, Frame):
                self._frame(event)
            if time.monotonic() > until:
                break

    def _earn(self) -> None:
        """Refills the allowance of frames."""
        now, frames = time.monotonic(), self._gateway.frames
        self._tokens = min(frames * BURST, self._tokens + (now - self._earned) * frames)
        self._earned = now

    def _pause(self, seconds: float) -> None:
        """Stops reading, so that the sender's own buffers fill, and continues after a time."""
        if self._transport is None:
            return
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._gateway.loop.call_later(seconds, self._take)

    def send_protocol_data(self) -> None:
        """Sends the protocol's own output: handshake, pongs, close frames."""
        protocol, transport = self.protocol, self._transport
        if protocol is None or transport is None:
            return
        for chunk in protocol.data_to_send():
            if chunk:
                self.out.append(chunk)
                self.flush()
            else:
                transport.close()
        if protocol.close_expected():
            self._gateway.loop.call_later(ABORT_AFTER, self._abort)

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # Frames

    def _frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.TEXT and frame.fin:
            self._message(bytes(frame.data))
        elif frame.opcode is Opcode.TEXT:
            self._fragments = [bytes(frame.data)]
        elif frame.opcode is Opcode.CONT and self._fragments is not None:
            self._fragments.append(bytes(frame.data))
            if frame.fin:
                whole, self._fragments = b"".join(self._fragments), None
                self._message(whole)
        elif frame.opcode is Opcode.BINARY:
            self._fail(1003, "text frames only")

    def _message(self, data: bytes) -> None:
        try:
            body = data.decode()
        except UnicodeDecodeError:
            self._fail(1007, "not UTF-8")
            return
        if self._context is not None and not self._deaf:
            self._gateway.handlers.message(
                payloads.socket_event(self._context, body), payloads.CONTEXT
            )

    def _fail(self, code: int, reason: str) -> None:
        # Bytes after the frame that broke the rules are ignored (RFC 6455, 7.1.7).
        self._deaf = True
        if self.protocol is not None and self.protocol.state is State.OPEN:
            self.protocol.fail(code, reason)

    def flush(self) -> None:
        """Writes all waiting bytes in one call; closes a socket that does not read."""
        transport, out = self._transport, self.out
        self.out = []
        if transport is None or transport.is_closing() or not out:
            return
        if transport.get_write_buffer_size() > MAX_BUFFER:
            self._give_up(transport)
            return
        transport.write(out[0] if len(out) == 1 else b"".join(out))

    def _give_up(self, transport: asyncio.Transport) -> None:
        # Frames that it sent before that must not be executed afterwards.
        self._deaf = True
        if self._gateway.sockets.get(self.id) is self:
            transport.write(
                Frame(Opcode.CLOSE, Close(1013, "too slow").serialize()).serialize(mask=False)
            )
            self._gateway.loop.call_later(ABORT_AFTER, self._abort)
            # It gets no more frames; `connection_lost` still notifies the handlers.
            del self._gateway.sockets[self.id]
            self._tell_gone()

    def close(self, code: int) -> None:
        """Begins the closing handshake."""
        protocol, transport = self.protocol, self._transport
        if protocol is None or transport is None:
            return
        if protocol.state is State.OPEN:
            self._deaf = True
            self.flush()
            protocol.send_close(code)
            self.send_protocol_data()
        elif protocol.state is State.CONNECTING:
            transport.close()
