"""`GET /readyz` of the local engine: the disk, the log and the consumers."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from local import readiness
from local.bootstrap import APPEND_FAILED, Engine
from local.readiness import Readiness
from tests.server.harness import Server, until


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    made.mkdir()
    return made


def reasons(folder: Path, *troubles: str) -> list[str]:
    async def ask() -> list[str]:
        made = Readiness(folder, lambda: list(troubles), asyncio.get_running_loop())
        return await made.reasons()

    return asyncio.run(ask())


def test_a_folder_that_can_be_written_is_ready_and_left_as_it_was(folder: Path) -> None:
    assert reasons(folder) == []
    assert list(folder.iterdir()) == []


def test_a_folder_that_is_gone_is_told_of(folder: Path) -> None:
    folder.rmdir()
    assert reasons(folder, "another") == [
        "the data folder cannot be written: No such file or directory",
        "another",
    ]


def test_a_disk_that_hangs_is_told_of_and_holds_one_thread(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on, tried = threading.Event(), []

    def hanging(file: Path) -> None:
        tried.append(file)
        going_on.wait(10)

    monkeypatch.setattr(readiness, "PROBE_WITHIN", 0.01)
    monkeypatch.setattr(readiness, "PROBE_EVERY", 0.0)
    monkeypatch.setattr(readiness, "_try_disk", hanging)

    async def main() -> None:
        made = Readiness(folder, list, asyncio.get_running_loop())
        for _ in range(3):
            assert await made.reasons() == ["the disk does not answer"]
        assert len(tried) == 1
        going_on.set()
        async with asyncio.timeout(10):
            while await made.reasons():
                await asyncio.sleep(0.001)

    asyncio.run(main())


def test_asking_more_often_writes_no_more_often(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Path] = []
    monkeypatch.setattr(readiness, "_try_disk", tried.append)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        monkeypatch.setattr(loop, "time", lambda: now)
        made = Readiness(folder, list, loop)
        for _ in range(3):
            assert await made._disk() is None
        assert len(tried) == 1
        now += readiness.PROBE_EVERY
        assert await made._disk() is None
        assert len(tried) == 2

    asyncio.run(main())


@pytest.mark.parametrize(
    ("failed_at", "told"),
    [(None, False), (100.0, True), (100.0 - APPEND_FAILED + 1, True),
     (100.0 - APPEND_FAILED, False)],
)  # fmt: skip
def test_an_append_that_failed_lately_is_told_of(failed_at: float | None, told: bool) -> None:
    engine = SimpleNamespace(
        executor=SimpleNamespace(failed_at=failed_at),
        loop=SimpleNamespace(time=lambda: 100.0),
        feed=SimpleNamespace(troubles=lambda: ["another"]),
    )
    lines = ["the log cannot be appended to"] * told
    assert Engine.troubles(cast(Engine, engine)) == [*lines, "another"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "data") as running:
        yield running


def test_a_server_whose_folder_is_gone_lives_and_is_not_ready(
    server: Server, tmp_path: Path
) -> None:
    until(lambda: server.http("GET", "/readyz").status == 200)
    assert server.http("GET", "/readyz").json == {"status": "ready"}
    data, away = tmp_path / "data", tmp_path / "away"
    data.rename(away)
    until(lambda: server.http("GET", "/readyz").status == 503)
    answer = server.http("GET", "/readyz").json
    assert answer["status"] == "unready"
    assert "the data folder cannot be written: No such file or directory" in answer["reasons"]
    assert server.http("GET", "/healthz").json["status"] == "ok"
    away.rename(data)
    until(lambda: server.http("GET", "/readyz").status == 200)
