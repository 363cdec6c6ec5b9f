"""When a socket ends: after silence, and what the handlers are told then."""

from typing import Any, cast

import pytest

from local.gateway import IDLE_LIMIT
from local.sockets import MAX_BUFFER, Socket
from tests.server.raw import PING, frame, handshake
from tests.unit.test_socket_limits import SMALL, Opened, Transport

CLOSED_1001 = b"\x88\x02\x03\xe9"
CLOSED_1013 = b"\x88\x0a\x03\xf5too slow"


@pytest.fixture
def one(monkeypatch: pytest.MonkeyPatch) -> Opened:
    return Opened(monkeypatch, frames=0)


@pytest.mark.parametrize("sent", [SMALL, frame(b"", PING)], ids=["a frame", "a ping of WebSockets"])
def test_what_a_socket_sends_winds_its_idle_clock(one: Opened, sent: bytes) -> None:
    for _ in range(3):
        one.clock.now += IDLE_LIMIT - 1
        one.socket.data_received(sent)
        one.gateway.close_idle()
    assert CLOSED_1001 not in one.transport.written
    one.clock.now += IDLE_LIMIT + 1
    one.gateway.close_idle()
    assert one.transport.written.endswith(CLOSED_1001)


def test_what_is_sent_to_a_socket_does_not(one: Opened) -> None:
    one.clock.now += IDLE_LIMIT + 1
    one.gateway._queue([one.socket.id], b"push")
    one.gateway.close_idle()
    assert one.transport.written.endswith(CLOSED_1001)


@pytest.mark.parametrize("error", [None, ConnectionResetError()])
def test_a_closed_socket_is_told_to_the_handlers_once(one: Opened, error: Exception | None) -> None:
    one.socket.connection_lost(error)
    one.socket.connection_lost(error)
    assert one.handlers.gone == [one.socket.id]
    assert one.gateway.sockets == {}


def test_a_socket_that_was_given_up_is_told_once(
    one: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one.transport, "get_write_buffer_size", lambda: MAX_BUFFER + 1)
    one.gateway._queue([one.socket.id], b"push")
    while one.loop.later and not one.handlers.gone:
        one.loop.step()
    assert one.transport.written.endswith(CLOSED_1013)
    one.socket.connection_lost(None)
    assert one.handlers.gone == [one.socket.id]


def test_a_socket_that_was_refused_is_told_to_nobody(one: Opened) -> None:
    one.handlers.answer = 401
    refused = Socket(one.gateway, set())
    transport = Transport()
    refused.connection_made(cast(Any, transport))
    refused.data_received(handshake("ws://localhost/ws?ticket=t"))
    assert b" 401 " in transport.written
    refused.connection_lost(None)
    assert one.handlers.gone == []
    assert list(one.gateway.sockets) == [one.socket.id]


def test_a_failure_to_tell_keeps_no_other_socket_from_its_frames(
    one: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(event: Any, context: Any) -> dict[str, Any]:
        raise RuntimeError

    other = Socket(one.gateway, set())
    transport = Transport()
    other.connection_made(cast(Any, transport))
    other.data_received(handshake("ws://localhost/ws?ticket=t"))
    monkeypatch.setattr(one.handlers, "disconnect", failing)
    monkeypatch.setattr(one.transport, "get_write_buffer_size", lambda: MAX_BUFFER + 1)
    one.gateway._queue([one.socket.id, other.id], b"push")
    while one.loop.later:
        one.loop.step()
        if transport.written.endswith(b"push"):
            break
    assert transport.written.endswith(b"push")
    assert list(one.gateway.sockets) == [other.id]
