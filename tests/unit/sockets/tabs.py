"""The WebSocket gateway without a network: the tests' own clock, loop, transports and handlers."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from domain.errors import RoomBusy
from local import gateway, sockets
from local.gateway import SocketGateway
from local.sockets import Socket
from tests.server.raw import CLOSE, handshake

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
