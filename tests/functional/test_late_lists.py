"""Lists of rooms while the views lag, as after an upgrade: they are whole or refused."""

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from domain.executing import outcomes_of
from domain.room.lifecycle import CreateRoom
from functions import project_views
from local import bootstrap
from local.bootstrap import Engine
from local.consumer import Subscription
from local.folder import DataFolder
from local.stores import Stores
from local.web import Web
from tests.support.routes import lists

WITHIN = 2.0
"""Seconds in which an answer comes that waits for nothing."""


class Late:
    """An engine whose views stand still until they are let go."""

    def __init__(self, folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
        self.going_on = threading.Event()
        monkeypatch.setitem(bootstrap.DURABLE, "project_views", Subscription(self.project))
        self.engine = Engine(
            Stores(folder), asyncio.get_running_loop(), lambda host, origin: True, 0
        )
        self.web = Web(
            self.engine.call_api, folder.path, lambda host, origin: True, self.engine.fresh,
            dict, self.engine.readiness.reasons,
        )  # fmt: skip

    def project(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        self.going_on.wait(20)
        return project_views.handler(event, context)

    def begin(self) -> str:
        """Returns the token of somebody who has made a room."""
        services = self.engine.chat.services
        token, user = self.engine.chat.entering.enter("ann", None)
        name, at = services.vault.seal(user, "Den"), services.now()
        create = CreateRoom(
            name=name, kind="public", member_name=name,
            by=user, id="c1", at=at, recorded_at=at, digest="",
        )  # fmt: skip
        outcomes_of(services.executor, [("den", [create])])
        return token

    @property
    def waiters(self) -> int:
        return len(self.engine.feed._consumers["project_views"]._waiters)

    async def ask(self, path: str, token: str = "") -> tuple[int, dict[str, Any]]:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b""}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {token}".encode())]
        scope = {
            "type": "http", "method": "GET", "path": path, "query_string": b"q=d",
            "headers": headers, "client": ("127.0.0.1", 1),
        }  # fmt: skip
        await self.web(scope, receive, send)
        return sent[0]["status"], orjson.loads(b"".join(one.get("body", b"") for one in sent[1:]))


Scenario = Callable[[Late, str], Awaitable[None]]
Play = Callable[[Scenario], None]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    folder = DataFolder(tmp_path)

    async def run(scenario: Scenario) -> None:
        late = Late(folder, monkeypatch)
        try:
            await scenario(late, await late.engine.in_thread(late.begin))
        finally:
            late.going_on.set()
            await late.engine.close()

    try:
        yield lambda scenario: asyncio.run(run(scenario))
    finally:
        folder.close()


@pytest.mark.parametrize("path", lists())
def test_lists_are_refused_until_the_views_have_caught_up(
    play: Play, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(bootstrap, "LISTS_WAIT", 0.05)

    async def scenario(late: Late, token: str) -> None:
        status, answer = await late.ask(path, token)
        assert (status, answer["error"]["code"]) == (503, "room_busy")
        monkeypatch.setattr(bootstrap, "LISTS_WAIT", 20.0)
        late.going_on.set()
        status, answer = await late.ask(path, token)
        assert status == 200
        found = [one.get("room") for some in answer.values() for one in some or ()]
        # Nobody finds themselves, or rooms that they are in.
        assert found == ["den"] * (path == "/api/rooms")

    play(scenario)


def test_views_that_are_far_behind_are_not_waited_for(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "MAX_LAG", 1)

    async def scenario(late: Late, token: str) -> None:
        async with asyncio.timeout(WITHIN):
            status, answer = await late.ask("/api/rooms", token)
        assert (status, answer["error"]["code"]) == (503, "room_busy")

    play(scenario)


def test_accounts_that_cannot_be_read_are_a_fault_of_ours(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    async def scenario(late: Late, token: str) -> None:
        monkeypatch.setattr(late.engine.chat.sessions, "who", broken)
        status, answer = await late.ask("/api/rooms", token)
        assert (status, answer["error"]["code"]) == (500, "internal")

    play(scenario)


@pytest.mark.parametrize("token", ["", "none"])
def test_who_has_no_session_waits_for_no_view_and_hurries_none(play: Play, token: str) -> None:
    async def scenario(late: Late, _: str) -> None:
        most = 0

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, late.waiters)
                await asyncio.sleep(0)

        watching = asyncio.ensure_future(watch())
        async with asyncio.timeout(WITHIN):
            status, answer = await late.ask("/api/rooms", token)
        watching.cancel()
        assert (status, answer["error"]["code"]) == (401, "unauthenticated")
        assert most == 0

    play(scenario)
