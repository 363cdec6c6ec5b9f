"""The WebSocket gateway without a network: handshakes, frames, pushes, closing."""

import threading
from collections.abc import Callable
from typing import Any, cast

import pytest

from domain.errors import RoomBusy
from domain.protocol.limits import MAX_FRAME
from local import gateway, sockets
from local.gateway import IDLE_LIMIT, SocketGateway
from local.sockets import ABORT_AFTER, MAX_BUFFER, Socket
from tests.server.raw import BINARY, CLOSE, PING, PONG, TEXT, frame, handshake

ALLOW = {
    "policyDocument": {"Statement": [{"Effect": "Allow"}]},
    "context": {"user": "u_ann", "session": "s"},
}
DENY = {"policyDocument": {"Statement": [{"Effect": "Deny"}]}, "context": {}}
CONT = 0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


class Loop:
    """Keeps what was asked for later, with its delay."""

    def __init__(self) -> None:
        self.later: list[tuple[float, Callable[[], None]]] = []
        self.from_threads = 0

    def call_later(self, delay: float, work: Callable[..., None], *values: Any) -> None:
        self.later.append((delay, lambda: work(*values)))

    def call_soon(self, work: Callable[..., None], *values: Any) -> None:
        self.call_later(0.0, work, *values)

    def call_soon_threadsafe(self, work: Callable[..., None], *values: Any) -> None:
        self.from_threads += 1
        self.call_later(0.0, work, *values)

    def tick(self) -> None:
        """Runs what is due at once."""
        due, self.later = (
            [work for delay, work in self.later if delay == 0.0],
            [one for one in self.later if one[0] > 0.0],
        )
        for work in due:
            work()

    def much_later(self) -> None:
        """Runs what waits, however long."""
        waiting, self.later = self.later, []
        for _, work in waiting:
            work()


class Transport:
    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.waiting = 0
        self.closed = False
        self.aborted = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.writes.append(data)

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    @property
    def answer(self) -> str:
        """The status line of the handshake."""
        return b"".join(self.writes).split(b"\r\n")[0].decode()

    def frames(self) -> list[tuple[int, bytes]]:
        """Returns the frames that were written after the handshake, and forgets them."""
        data = b"".join(self.writes)
        self.writes.clear()
        if data.startswith(b"HTTP/1.1"):
            data = data.partition(b"\r\n\r\n")[2]
        found = []
        while data:
            size, head = data[1], 2
            if size == 126:
                size, head = int.from_bytes(data[2:4], "big"), 4
            elif size == 127:
                size, head = int.from_bytes(data[2:10], "big"), 10
            found.append((data[0] & 0x0F, data[head : head + size]))
            data = data[head + size :]
        return found

    def close_codes(self) -> list[int]:
        found = self.frames()
        return [int.from_bytes(data[:2], "big") for opcode, data in found if opcode == CLOSE]


class Handlers:
    """Notes what it is called with; answers what it is told to."""

    def __init__(self) -> None:
        self.policy: Any = ALLOW
        self.status = 200
        self.tickets: list[str] = []
        self.calls: list[tuple[str, str]] = []
        self.bodies: list[str] = []
        self.failing = False

    def authorize(self, event: Any, context: Any) -> dict[str, Any]:
        self.tickets.append(event["queryStringParameters"]["ticket"])
        if isinstance(self.policy, Exception):
            raise self.policy
        found: dict[str, Any] = self.policy
        return found

    def _note(self, what: str, event: Any) -> None:
        request = event["requestContext"]
        assert request["authorizer"]["user"] == "u_ann"
        self.calls.append((what, request["connectionId"]))
        if self.failing:
            raise RuntimeError("a fault of ours")

    def connect(self, event: Any, context: Any) -> dict[str, Any]:
        assert event["requestContext"]["routeKey"] == "$connect"
        self._note("connect", event)
        return {"statusCode": self.status}

    def message(self, event: Any, context: Any) -> dict[str, Any]:
        assert event["requestContext"]["routeKey"] == "$default"
        self._note("message", event)
        self.bodies.append(event["body"])
        return {"statusCode": 200}

    def disconnect(self, event: Any, context: Any) -> dict[str, Any]:
        self._note("disconnect", event)
        return {"statusCode": 200}

    def said(self, what: str) -> int:
        return len([call for call in self.calls if call[0] == what])


class Done:
    """A future that is done."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._result: Any = None
        self._error: Exception | None = None
        try:
            self._result = work()
        except Exception as error:
            self._error = error

    def add_done_callback(self, tell: Callable[[Any], None]) -> None:
        tell(self)

    def exception(self) -> Exception | None:
        return self._error

    def result(self) -> Any:
        return self._result


class Tab:
    """One browser's end of a socket."""

    def __init__(self, bench: "Bench") -> None:
        self.transport = Transport()
        self.socket = Socket(bench.gateway, bench.connections)
        self.socket.connection_made(cast(Any, self.transport))

    def say(self, data: bytes) -> None:
        self.socket.data_received(data)

    def shake(self, url: str = "ws://localhost/ws?ticket=t", *extra: str) -> str:
        self.say(handshake(url, *extra))
        return self.transport.answer


class Bench:
    """A gateway on a clock and a loop of the test's own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock, self.loop, self.handlers = Clock(), Loop(), Handlers()
        monkeypatch.setattr(sockets, "time", self.clock)
        monkeypatch.setattr(gateway, "time", self.clock)
        self.connections: set[Any] = set()
        self.foreign: list[tuple[str, str | None]] = []
        self.busy = False
        self.gateway = SocketGateway(
            cast(Any, self.handlers), cast(Any, self.loop), self._allowed, self._in_thread
        )

    def _allowed(self, host: str, origin: str | None) -> bool:
        self.foreign.append((host, origin))
        return origin != "https://evil.example"

    def _in_thread(self, work: Callable[[], Any]) -> Any:
        if self.busy:
            raise RoomBusy
        return Done(work)

    def tab(self) -> Tab:
        """Returns a tab that is connected."""
        tab = Tab(self)
        assert tab.shake() == "HTTP/1.1 101 Switching Protocols"
        assert tab.transport.frames() == []
        return tab


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


# Handshakes


def test_who_has_a_ticket_is_connected_and_noted(bench: Bench) -> None:
    tab = bench.tab()
    assert bench.handlers.tickets == ["t"]
    assert bench.foreign == [("localhost", None)]
    assert bench.handlers.calls == [("connect", tab.socket.id)]
    assert bench.gateway.sockets == {tab.socket.id: tab.socket}
    assert bench.connections == {tab.socket}
    other = bench.tab()
    assert other.socket.id != tab.socket.id
    assert len(bench.gateway.sockets) == 2


@pytest.mark.parametrize(
    ("url", "extra", "status"),
    [
        ("ws://localhost/ws?ticket=t", ("Origin: https://evil.example",), 403),
        ("ws://localhost/ws", (), 401),
        ("ws://localhost/ws?ticket=", (), 401),
        ("ws://localhost/elsewhere?ticket=t", (), 404),
        ("ws://localhost/elsewhere", (), 404),
    ],
)
def test_a_handshake_that_is_refused_at_the_door(
    bench: Bench, url: str, extra: tuple[str, ...], status: int
) -> None:
    tab = Tab(bench)
    assert tab.shake(url, *extra).split()[1] == str(status)
    assert bench.handlers.tickets == [], "its ticket was not touched"
    assert_never_there(bench, tab)


@pytest.mark.parametrize(
    ("policy", "status"), [(DENY, 401), (RuntimeError("a fault of ours"), 500)]
)
def test_a_ticket_that_is_refused(bench: Bench, policy: Any, status: int) -> None:
    bench.handlers.policy = policy
    tab = Tab(bench)
    assert tab.shake().split()[1] == str(status)
    assert bench.handlers.calls == []
    assert_never_there(bench, tab)


def test_a_handshake_while_there_is_too_much_to_do(bench: Bench) -> None:
    bench.busy = True
    tab = Tab(bench)
    assert tab.shake().split()[1] == "503"
    assert_never_there(bench, tab)


@pytest.mark.parametrize("status", [401, 500])
def test_a_connection_that_connect_refuses_is_not_there(bench: Bench, status: int) -> None:
    """A session that ended since the ticket was redeemed."""
    bench.handlers.status = status
    tab = Tab(bench)
    assert tab.shake().split()[1] == str(status)
    assert bench.gateway.post([tab.socket.id], b"{}") == [tab.socket.id]
    assert bench.handlers.said("connect") == 1
    assert_never_there(bench, tab)


def test_a_request_that_is_no_handshake(bench: Bench) -> None:
    tab = Tab(bench)
    tab.say(handshake("ws://localhost/ws?ticket=t", version="12"))
    assert tab.transport.answer.split()[1] in ("400", "426")
    assert_never_there(bench, tab)


def assert_never_there(bench: Bench, tab: Tab) -> None:
    """Nothing that it says is heard, and nobody is told that it went."""
    assert bench.gateway.sockets == {}
    if not tab.transport.closed:
        tab.say(frame(b"{}"))
    tab.socket.connection_lost(None)
    assert bench.handlers.said("message") == bench.handlers.said("disconnect") == 0
    assert bench.connections == set()


def test_one_who_goes_before_the_answer(bench: Bench) -> None:
    """The ticket is being looked at on another thread meanwhile."""
    tab, waiting = Tab(bench), []

    class Later:
        def add_done_callback(self, tell: Callable[[Any], None]) -> None:
            waiting.append(tell)

    bench.gateway.in_thread = lambda work: cast(Any, Later())
    tab.say(handshake("ws://localhost/ws?ticket=t"))
    tab.socket.connection_lost(None)
    for tell in waiting:
        tell(Done(lambda: ALLOW))
    assert len(waiting) == 1
    assert bench.handlers.calls == []
    assert bench.gateway.sockets == {}


# Frames


def test_text_is_handed_on_whole(bench: Bench) -> None:
    tab = bench.tab()
    tab.say(frame("ärger 🚀".encode()))
    tab.say(frame(b"one ", fin=False) + frame(b"two ", CONT, fin=False))
    assert bench.handlers.bodies == ["ärger 🚀"]
    # A ping may come between the parts.
    tab.say(frame(b"?", PING) + frame(b"three", CONT))
    tab.say(frame(b"four"))
    assert bench.handlers.bodies == ["ärger 🚀", "one two three", "four"]
    assert {id for _, id in bench.handlers.calls} == {tab.socket.id}
    assert tab.transport.frames() == [(PONG, b"?")]


def test_a_character_may_be_cut_by_frames_and_packets(bench: Bench) -> None:
    tab, text = bench.tab(), "🚀".encode()
    data = frame(text[:1], fin=False) + frame(text[1:], CONT)
    for byte in data:
        tab.say(bytes([byte]))
    assert bench.handlers.bodies == ["🚀"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(b"binary", BINARY), 1003),
        (frame(b"\xff"), 1007),
        (frame(b"\xf0", fin=False) + frame(b"x", CONT), 1007),
        (frame(b"x" * (MAX_FRAME + 1)), 1009),
        (frame(b"x", masked=False), 1002),
        (frame(b"x", CONT), 1002),
    ],
    ids=["binary", "no UTF-8", "no UTF-8 in parts", "too large", "not masked", "no beginning"],
)
def test_what_is_no_text_frame_closes(bench: Bench, data: bytes, code: int) -> None:
    tab = bench.tab()
    tab.say(data + frame(b"after"))
    while not tab.transport.writes and bench.loop.later:
        bench.loop.tick()
    assert tab.transport.close_codes() == [code]
    assert bench.handlers.bodies == []
    tab.socket.connection_lost(None)
    assert bench.handlers.said("disconnect") == 1


def test_the_largest_frame_is_taken(bench: Bench) -> None:
    tab = bench.tab()
    tab.say(frame(b"x" * MAX_FRAME))
    while bench.loop.later:
        bench.loop.tick()
    assert bench.handlers.bodies == ["x" * MAX_FRAME]


# Pushes


def test_a_push_reaches_those_who_are_there_and_names_the_others(bench: Bench) -> None:
    one, two, third = bench.tab(), bench.tab(), bench.tab()
    ids = [one.socket.id, "gone", two.socket.id, "never"]
    assert bench.gateway.post(ids, b'{"a":1}') == ["gone", "never"]
    assert bench.gateway.post(ids, b'{"a":2}') == ["gone", "never"]
    assert one.transport.writes == [], "written once per tick"
    bench.loop.tick()
    for tab in (one, two):
        assert len(tab.transport.writes) == 1
        assert tab.transport.frames() == [(TEXT, b'{"a":1}'), (TEXT, b'{"a":2}')]
    assert third.transport.writes == []
    # And again in a later tick.
    bench.gateway.post([one.socket.id], b'{"a":3}')
    bench.loop.tick()
    assert one.transport.frames() == [(TEXT, b'{"a":3}')]
    assert bench.loop.later == []


def test_other_threads_leave_the_writing_to_the_loop(bench: Bench) -> None:
    tab = bench.tab()
    answers: list[list[str]] = []

    def elsewhere() -> None:
        answers.append(bench.gateway.post([tab.socket.id, "gone"], b"{}"))
        bench.gateway.close("gone", 4401)
        bench.gateway.close(tab.socket.id, 4401)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert answers == [["gone"]]
    assert (tab.transport.writes, bench.loop.from_threads) == ([], 3)
    bench.loop.tick()
    assert [opcode for opcode, _ in tab.transport.frames()] == [TEXT, CLOSE]


def test_a_socket_that_does_not_read_is_given_up(bench: Bench) -> None:
    slow, other = bench.tab(), bench.tab()
    ids = [slow.socket.id, other.socket.id]
    slow.transport.waiting = MAX_BUFFER
    bench.gateway.post(ids, b"{}")
    bench.loop.tick()
    assert slow.transport.frames() == [(TEXT, b"{}")], "so much may wait"
    slow.transport.waiting = MAX_BUFFER + 1
    assert bench.gateway.post(ids, b"{}") == []
    bench.loop.tick()
    assert slow.transport.close_codes() == [1013]
    assert other.transport.frames() == [(TEXT, b"{}")] * 2
    assert bench.handlers.calls[-1] == ("disconnect", slow.socket.id)
    assert set(bench.gateway.sockets) == {other.socket.id}
    assert bench.gateway.post(ids, b"{}") == [slow.socket.id]
    # What it had sent before is not executed, and it goes without being told of again.
    slow.say(frame(b"late"))
    bench.loop.tick()
    assert bench.handlers.bodies == []
    assert [delay for delay, _ in bench.loop.later] == [ABORT_AFTER]
    bench.loop.much_later()
    assert slow.transport.aborted
    slow.socket.connection_lost(None)
    assert bench.handlers.said("disconnect") == 1


# Closing


@pytest.mark.parametrize("code", [1001, 4401])
def test_a_close_ends_with_its_code_after_what_waits(bench: Bench, code: int) -> None:
    tab = bench.tab()
    bench.gateway.post([tab.socket.id], b"{}")
    bench.gateway.close(tab.socket.id, code)
    frames = tab.transport.frames()
    assert frames[0] == (TEXT, b"{}")
    assert frames[1:] == [(CLOSE, code.to_bytes(2, "big"))]
    # Once; and what comes after it is not heard.
    bench.gateway.close(tab.socket.id, 1001)
    tab.say(frame(b"late"))
    bench.loop.tick()
    assert tab.transport.frames() == []
    assert bench.handlers.bodies == []
    # The browser answers, and the connection ends.
    tab.say(frame(code.to_bytes(2, "big"), CLOSE))
    tab.socket.connection_lost(None)
    assert bench.handlers.calls[1:] == [("disconnect", tab.socket.id)]
    assert bench.gateway.sockets == {}


def test_one_who_does_not_answer_the_close_is_cut_off(bench: Bench) -> None:
    tab = bench.tab()
    bench.gateway.close(tab.socket.id, 4401)
    assert [delay for delay, _ in bench.loop.later] == [ABORT_AFTER]
    bench.loop.much_later()
    assert tab.transport.aborted


def test_a_tab_that_closes_is_answered_and_told(bench: Bench) -> None:
    tab = bench.tab()
    tab.say(frame((1000).to_bytes(2, "big"), CLOSE))
    assert tab.transport.close_codes() == [1000]
    tab.socket.connection_lost(None)
    tab.socket.connection_lost(None)
    assert bench.handlers.calls == [("connect", tab.socket.id), ("disconnect", tab.socket.id)]
    assert (bench.gateway.sockets, bench.connections) == ({}, set())
    # Whatever comes too late finds nothing to do.
    tab.socket.close(1001)
    tab.say(frame(b"late"))
    bench.loop.much_later()
    assert bench.gateway.post([tab.socket.id], b"{}") == [tab.socket.id]
    assert not tab.transport.aborted


def test_a_fault_in_disconnect_stays_in_its_socket(bench: Bench) -> None:
    tab, other = bench.tab(), bench.tab()
    bench.handlers.failing = True
    tab.socket.connection_lost(OSError("reset"))
    assert set(bench.gateway.sockets) == {other.socket.id}
    assert bench.connections == {other.socket}


def test_the_server_stops(bench: Bench) -> None:
    tabs, shaking = [bench.tab() for _ in range(3)], Tab(bench)
    for socket in list(bench.connections):
        socket.shutdown()
    for tab in tabs:
        assert tab.transport.close_codes() == [1001]
    assert shaking.transport.closed


# Silence


@pytest.mark.parametrize(
    "sign",
    [frame(b"{}"), frame(b"", PING), frame(b"", PONG), frame(b"x", fin=False), b"\x81"],
    ids=["text", "ping", "pong", "part of a text", "part of a frame"],
)
def test_any_sign_of_life_keeps_a_connection(bench: Bench, sign: bytes) -> None:
    silent, alive = bench.tab(), bench.tab()
    bench.clock.now += IDLE_LIMIT - 1
    alive.say(sign)
    bench.gateway.post([silent.socket.id, alive.socket.id], b"{}")
    bench.gateway.close_idle()
    bench.loop.tick()
    for tab in (silent, alive):
        assert [opcode for opcode, _ in tab.transport.frames() if opcode != PONG] == [TEXT]
    bench.clock.now += 2
    bench.gateway.close_idle()
    assert silent.transport.close_codes() == [1001], "to be written to is no sign of life"
    assert alive.transport.frames() == []
    bench.clock.now += IDLE_LIMIT - 2
    bench.gateway.close_idle()
    assert alive.transport.frames() == []
    bench.clock.now += 2
    bench.gateway.close_idle()
    assert alive.transport.close_codes() == [1001]
