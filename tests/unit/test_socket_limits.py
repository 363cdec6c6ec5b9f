"""What one socket may take of the loop: bytes a tick, frames a second."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from local import gateway as gateway_module
from local import sockets
from local.gateway import SocketGateway
from local.sockets import BURST, SLICE, TURN, WHOLE, Socket
from tests.server.raw import frame, handshake


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


class Loop:
    """Keeps what was asked for later; `step` runs it at its time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.later: list[tuple[float, Callable[..., None], tuple[Any, ...]]] = []

    def call_later(self, delay: float, work: Callable[..., None], *values: Any) -> None:
        self.later.append((delay, work, values))

    def call_soon(self, work: Callable[..., None], *values: Any) -> None:
        self.call_later(0.0, work, *values)

    def step(self) -> float:
        delay, work, values = self.later.pop(0)
        self._clock.now += delay
        work(*values)
        return delay


class Transport:
    def __init__(self) -> None:
        self.reading = True
        self.written = b""

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def close(self) -> None:
        self.written += b"closed"


class Handlers:
    """Lets everybody in and counts messages."""

    def __init__(self) -> None:
        self.messages = 0
        self.gone: list[str] = []
        self.answer = 200

    def authorize(self, event: Any, context: Any) -> dict[str, Any]:
        statement = {"Effect": "Allow"}
        known = {"user": "u_ann", "session": "s"}
        return {"policyDocument": {"Statement": [statement]}, "context": known}

    def connect(self, event: Any, context: Any) -> dict[str, Any]:
        return {"statusCode": self.answer}

    def message(self, event: Any, context: Any) -> dict[str, Any]:
        self.messages += 1
        return {"statusCode": 200}

    def disconnect(self, event: Any, context: Any) -> dict[str, Any]:
        self.gone.append(event["requestContext"]["connectionId"])
        return {"statusCode": 200}


class Done:
    """A future that is done at once."""

    def __init__(self, result: Any) -> None:
        self._result = result

    def add_done_callback(self, tell: Callable[[Any], None]) -> None:
        tell(self)

    def exception(self) -> None:
        return None

    def result(self) -> Any:
        return self._result


class Opened:
    """A socket that has shaken hands."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, frames: float) -> None:
        self.clock = Clock()
        monkeypatch.setattr(sockets, "time", self.clock)
        monkeypatch.setattr(gateway_module, "time", self.clock)
        self.loop, self.handlers, self.transport = Loop(self.clock), Handlers(), Transport()
        gateway = SocketGateway(
            cast(Any, self.handlers),
            cast(Any, self.loop),
            lambda host, origin: True,
            lambda work: cast(Any, Done(work())),
            frames,
        )
        self.gateway = gateway
        self.socket = Socket(gateway, set())
        self.socket.connection_made(cast(Any, self.transport))
        self.socket.data_received(handshake("ws://localhost/ws?ticket=t"))
        assert b"101" in self.transport.written


SMALL = frame(b"1")


def test_a_tick_takes_a_slice_and_the_rest_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Opened(monkeypatch, frames=0)
    count = 3 * SLICE // len(SMALL)
    one.socket.data_received(SMALL * count)
    assert 0 < one.handlers.messages <= SLICE // len(SMALL) + 1
    assert not one.transport.reading
    ticks = 0
    while one.loop.later:
        assert one.loop.step() == 0.0
        ticks += 1
    assert ticks >= 2
    assert one.handlers.messages == count
    assert one.transport.reading
    # What fits a slice is taken at once.
    one.socket.data_received(SMALL)
    assert one.handlers.messages == count + 1
    assert not one.loop.later


def test_a_window_of_messages_is_taken_in_one_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """In two ticks it would be two commits, and reading would stop and start in between."""
    one = Opened(monkeypatch, frames=0)
    window = frame(b"x" * 300) * 16
    assert len(window) > 2 * SLICE
    one.socket.data_received(window)
    assert one.handlers.messages == 16
    assert one.transport.reading
    assert not one.loop.later


def test_a_tick_takes_no_more_than_some_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Opened(monkeypatch, frames=0)
    large = frame(b"x" * 1_000)
    one.socket.data_received(large * 100)
    assert 0 < one.handlers.messages <= WHOLE // len(large)
    assert not one.transport.reading
    ticks = 0
    while one.loop.later:
        before = one.handlers.messages
        one.loop.step()
        assert one.handlers.messages - before <= WHOLE // len(large) + 1
        ticks += 1
    assert one.handlers.messages == 100
    assert ticks >= 100 * len(large) // WHOLE


def test_frames_that_take_long_are_handled_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Opened(monkeypatch, frames=0)
    count = one.handlers.messages

    def slow(event: Any, context: Any) -> dict[str, Any]:
        one.handlers.messages += 1
        one.clock.now += TURN / 2
        return {"statusCode": 200}

    monkeypatch.setattr(one.handlers, "message", slow)
    one.socket.data_received(SMALL * 100)
    assert one.handlers.messages - count <= 3
    while one.loop.later:
        assert one.handlers.messages - count <= 3
        count = one.handlers.messages
        one.loop.step()
    assert one.handlers.messages == 100
    assert one.transport.reading


def test_what_comes_while_it_waits_keeps_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Opened(monkeypatch, frames=0)
    big = frame(b"x" * 10_000)
    one.socket.data_received(big)
    one.socket.data_received(SMALL)
    assert one.handlers.messages == 0
    while one.loop.later:
        one.loop.step()
    assert one.handlers.messages == 2


def test_frames_beyond_the_allowance_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Opened(monkeypatch, frames=10)
    began = one.clock.now
    one.socket.data_received(SMALL * 200)
    assert not one.transport.reading
    one.socket.data_received(SMALL * 200)
    while one.loop.later:
        one.loop.step()
    assert one.handlers.messages == 400
    assert one.transport.reading
    # 400 frames and the handshake at 10 a second, after a burst.
    assert one.clock.now - began == pytest.approx((401 - 10 * BURST) / 10, abs=0.2)


def test_who_was_silent_for_long_sends_no_more_than_a_burst_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Opened(monkeypatch, frames=10)
    one.clock.now += 1_000
    began = one.clock.now
    one.socket.data_received(SMALL * 300)
    while one.loop.later:
        one.loop.step()
    assert one.handlers.messages == 300
    assert one.clock.now - began == pytest.approx((300 - 10 * BURST) / 10, abs=0.2)


def test_time_that_passed_is_earned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Opened(monkeypatch, frames=10)
    one.socket.data_received(SMALL * 10 * BURST)
    while one.loop.later:
        one.loop.step()
    # A second gives ten frames, in however many pieces they come.
    one.clock.now += 1.0
    began = one.clock.now
    for _ in range(30):
        one.socket.data_received(SMALL)
    while one.loop.later:
        one.loop.step()
    assert one.handlers.messages == 10 * BURST + 30
    assert one.clock.now - began == pytest.approx(2.0, abs=0.3)


def test_a_closed_socket_takes_no_more_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Opened(monkeypatch, frames=0)
    one.socket.data_received(SMALL)
    one.socket.close(4401)
    one.socket.data_received(SMALL * 3)
    assert one.handlers.messages == 1


def test_a_lost_connection_leaves_nothing_to_take(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Opened(monkeypatch, frames=0)
    one.socket.data_received(SMALL * SLICE)
    taken = one.handlers.messages
    one.socket.connection_lost(None)
    while one.loop.later:
        one.loop.step()
    assert one.handlers.messages == taken
