"""What takes half a minute or more, by calling it with a clock of the test's own."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from adapters.memory.gateway import InlineBackground, RecordingGateway
from domain.chat import Chat
from domain.chat.receiving import Receiving
from domain.chat.sessions import SESSION_LIFE, TICKET_LIFE
from domain.errors import Unauthenticated
from domain.ports.connections import Connection
from domain.protocol.server import server_frame
from local.background import PRESENCE_GRACE, LoopBackground, Threads
from local.bootstrap import SocketHandlers
from local.folder import DataFolder
from local.gateway import IDLE_LIMIT, SocketGateway
from local.offline import Offline
from local.stores import Stores


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def chat(tmp_path: Path, clock: Clock) -> Iterator[Chat]:
    """The use cases on a folder of their own, with nobody's socket behind the gateway."""
    with (
        closing(DataFolder(tmp_path)) as folder,
        closing(Stores(folder)) as stores,
        closing(Offline(stores)) as offline,
    ):
        yield Chat(replace(offline.chat.services, seconds=clock))


def test_a_ticket_is_good_for_a_minute(chat: Chat, clock: Clock) -> None:
    token, user = chat.entering.enter("ann", None)
    assert TICKET_LIFE == 60.0
    early, late = chat.sessions.ticket(token), chat.sessions.ticket(token)
    clock.now += 59.9
    assert chat.sessions.redeem(early).user == user
    with pytest.raises(Unauthenticated):
        chat.sessions.redeem(early)
    clock.now += 0.2
    with pytest.raises(Unauthenticated):
        chat.sessions.redeem(late)


def test_a_session_lives_a_month_after_its_last_use(chat: Chat, clock: Clock) -> None:
    token, user = chat.entering.enter("ann", None)
    for _ in range(3):
        clock.now += SESSION_LIFE - 1
        assert chat.sessions.who(token).user == user
    clock.now += SESSION_LIFE + 1
    with pytest.raises(Unauthenticated):
        chat.sessions.who(token)
    # Nobody holds the nickname any more.
    assert chat.entering.enter("ann", None)[1] != user


# Presence


class Online:
    """People with connections to one chat, and what was posted to them."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self.gateway = cast(RecordingGateway, chat.services.gateway)
        self.background = cast(InlineBackground, chat.services.background)
        self._count = 0

    def open(self, token: str, *rooms: str) -> str:
        session = self.chat.sessions.redeem(self.chat.sessions.ticket(token))
        self._count += 1
        id = f"connection-{self._count}"
        self.chat.connect(id, session)
        wanted = dict.fromkeys(rooms)
        self.send(Connection(id, session.user, session.session), action="sync", rooms=wanted)
        return id

    def send(self, connection: Connection, **frame: Any) -> None:
        Receiving(self.chat).receive(connection, json.dumps({"id": f"i{self._count}", **frame}))

    def wait_for(self, connection: str, kind: str) -> None:
        """Waits for a frame of a kind: the executor answers from another thread."""
        until = time.monotonic() + 10.0
        frames = self.gateway.frames.setdefault(connection, [])
        while not any(json.loads(frame)["type"] == kind for frame in frames):
            assert time.monotonic() < until, f"no {kind}"
            time.sleep(0.001)

    def presence(self, connection: str) -> list[tuple[str, str]]:
        """Returns (user, state) of the presence frames since the last look."""
        frames = self.gateway.frames.pop(connection, [])
        for frame in frames:
            server_frame.validate_json(frame)
        told = [json.loads(frame) for frame in frames]
        return [(f["user"], f["state"]) for f in told if f["type"] == "presence"]

    def half_a_minute(self) -> None:
        checks, self.background.checks = self.background.checks, []
        for user, rooms in checks:
            self.chat.settle_presence(user, rooms)


def test_offline_half_a_minute_after_the_last_tab(chat: Chat) -> None:
    online = Online(chat)
    (ann, _), (bob, b) = (chat.entering.enter(name, None) for name in ("ann", "bob"))
    session = chat.sessions.redeem(chat.sessions.ticket(ann))
    maker = Connection("maker", session.user, session.session)
    online.send(maker, action="create_room", room="tea", name="Tea", kind="public")
    online.wait_for("maker", "ack")
    watching = online.open(ann, "tea")
    first, second = online.open(bob, "tea"), online.open(bob, "tea")
    assert online.presence(watching) == [(b, "online")]
    # Of two tabs one is left.
    chat.disconnect(first)
    online.half_a_minute()
    assert online.presence(watching) == []
    # The last one closes, and they come back in time.
    chat.disconnect(second)
    assert online.presence(watching) == []
    third = online.open(bob, "tea")
    online.presence(watching)
    online.half_a_minute()
    assert online.presence(watching) == []
    # They do not come back.
    chat.disconnect(third)
    assert online.presence(watching) == []
    online.half_a_minute()
    assert online.presence(watching) == [(b, "offline")]
    # Whoever is gone is gone: a second look tells nobody again.
    chat.disconnect(third)
    online.half_a_minute()
    assert online.presence(watching) == []


class Loop:
    """Notes what was asked for later."""

    def __init__(self) -> None:
        self.later: list[tuple[float, Callable[..., None], tuple[Any, ...]]] = []

    def call_later(self, delay: float, work: Callable[..., None], *values: Any) -> None:
        self.later.append((delay, work, values))


def test_presence_waits_thirty_seconds() -> None:
    loop = Loop()
    settled: list[tuple[str, Sequence[str]]] = []
    on = cast(asyncio.AbstractEventLoop, loop)
    background = LoopBackground(on, Threads(on, 1, "test", limit=1, owned=1))
    background.settle = lambda user, rooms: settled.append((user, rooms))
    background.presence_check("u_ann", [])
    assert loop.later == []
    background.presence_check("u_ann", ["tea"])
    ((delay, work, values),) = loop.later
    assert delay == PRESENCE_GRACE == 30.0
    assert settled == []
    work(*values)
    assert settled == [("u_ann", ["tea"])]


# Idle connections


class IdleSocket:
    """A socket as `close_idle` sees it."""

    def __init__(self, heard: float) -> None:
        self.heard = heard
        self.codes: list[int] = []

    def close(self, code: int) -> None:
        self.codes.append(code)


def test_silent_connections_are_closed(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    def run(work: Callable[[], Any]) -> "asyncio.Future[Any]":
        raise AssertionError("nothing to run")

    monkeypatch.setattr(time, "monotonic", clock)
    gateway = SocketGateway(
        SocketHandlers(), cast(asyncio.AbstractEventLoop, Loop()), lambda host, origin: True, run
    )
    silent = IdleSocket(clock.now)
    clock.now += 1
    lively = IdleSocket(clock.now)
    gateway.sockets = cast(Any, {"silent": silent, "lively": lively})
    clock.now += IDLE_LIMIT - 0.5
    gateway.close_idle()
    assert (silent.codes, lively.codes) == ([1001], [])
    assert IDLE_LIMIT == 600.0
