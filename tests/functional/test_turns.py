"""Whose turn it is when the engine's threads are busy: nobody waits for another's many calls."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from local import bootstrap
from local.bootstrap import Engine
from local.folder import DataFolder
from local.payloads import http_event
from local.stores import Stores

WITHIN = 20.0


class Slow:
    """Stands for the HTTP API: calls wait until they are let go; notes whose calls came."""

    def __init__(self) -> None:
        self.begun, self.going_on = threading.Event(), threading.Event()
        self.came: list[str] = []

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        self.came.append(event["headers"].get("authorization") or "address")
        self.begun.set()
        assert self.going_on.wait(WITHIN)
        return {}


def play(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    scenario: Callable[[Engine, Slow], Awaitable[None]],
) -> None:
    slow = Slow()
    monkeypatch.setattr("local.bootstrap.http_api.handler", slow)
    monkeypatch.setattr(bootstrap, "HTTP_THREADS", 1)
    opened = DataFolder(folder)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        engine = Engine(Stores(opened), loop, lambda host, origin: True, 0)
        try:
            async with asyncio.timeout(WITHIN):
                await scenario(engine, slow)
        finally:
            slow.going_on.set()
            await engine.close()

    try:
        asyncio.run(run())
    finally:
        opened.close()


def call(engine: Engine, token: str | None) -> "asyncio.Task[dict[str, Any]]":
    headers = {} if token is None else {"authorization": token}
    event = http_event("GET", "/api/rooms", "", headers, "", "127.0.0.1")
    return asyncio.ensure_future(engine.call_api(event))


def test_a_handshake_does_not_wait_for_calls_of_the_api(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(engine: Engine, slow: Slow) -> None:
        asked = [call(engine, "Bearer a") for _ in range(3)]
        await asyncio.to_thread(slow.begun.wait, WITHIN)
        assert await engine.in_thread(lambda: "redeemed") == "redeemed"
        slow.going_on.set()
        await asyncio.gather(*asked)

    play(tmp_path, monkeypatch, scenario)


def test_sessions_take_turns_at_the_api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(engine: Engine, slow: Slow) -> None:
        asked = [call(engine, "Bearer a") for _ in range(3)]
        await asyncio.to_thread(slow.begun.wait, WITHIN)
        asked += [call(engine, "Bearer b"), call(engine, None)]
        # The tasks have queued their calls once each had its first step.
        await asyncio.sleep(0)
        slow.going_on.set()
        await asyncio.gather(*asked)
        assert slow.came == ["Bearer a", "Bearer b", "address", "Bearer a", "Bearer a"]

    play(tmp_path, monkeypatch, scenario)
