"""Who is connected, and what the others are answered."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from tests.server.raw import frame, handshake
from tests.unit.sockets.tabs import ALLOW, DENY, Bench, Done, Tab


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
