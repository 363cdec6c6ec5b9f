"""The command line's way into a server: one operation at a time, whoever goes away meanwhile."""

import asyncio
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest

from local import control
from local.control import ControlServer, ask


class Operations:
    """Operations that print lines until they are let go."""

    def __init__(self, *_: Any) -> None:
        self.running: list[str] = []
        self.most = 0
        self.begun = threading.Event()
        self.go = threading.Event()

    def run(self, name: str, arguments: dict[str, Any], progress: Any) -> Iterator[str]:
        self.running.append(name)
        self.most = max(self.most, len(self.running))
        self.begun.set()
        yield from ("line" for _ in range(arguments.get("lines", 0)))
        if name == "held":
            assert self.go.wait(10)
        self.running.remove(name)
        yield f"{name} is done"


@pytest.fixture
def operations(monkeypatch: pytest.MonkeyPatch) -> Operations:
    found = Operations()
    monkeypatch.setattr(control, "Operations", lambda *_: found)
    return found


def served(folder: Path, work: Any) -> None:
    """Runs `work` beside a control server on a folder."""
    engine: Any = SimpleNamespace(stores=SimpleNamespace(folder=SimpleNamespace(path=folder)))

    async def main() -> None:
        server = ControlServer(engine)
        await server.start()
        try:
            await asyncio.to_thread(work)
        finally:
            await server.close()

    asyncio.run(main())


def lines(folder: Path, name: str, **arguments: Any) -> list[str]:
    return list(cast(Iterator[str], ask(folder, name, arguments, lambda done, total: None)))


def test_an_operation_whose_client_is_gone_ends_before_the_next_begins(
    tmp_path: Path, operations: Operations
) -> None:
    def work() -> None:
        gone = socket.socket(socket.AF_UNIX)
        gone.connect(str(tmp_path / "parley.sock"))
        gone.sendall(orjson.dumps({"name": "held", "arguments": {"lines": 3_000}}) + b"\n")
        assert operations.begun.wait(10)
        gone.close()
        told: list[str] = []
        second = threading.Thread(target=lambda: told.extend(lines(tmp_path, "second")))
        second.start()
        second.join(0.3)
        assert operations.running == ["held"]
        operations.go.set()
        second.join(10)
        assert told == ["second is done"]

    served(tmp_path, work)
    assert operations.most == 1


def test_the_socket_is_its_owners_alone_and_takes_the_place_of_a_dead_servers(
    tmp_path: Path, operations: Operations
) -> None:
    place = tmp_path / "parley.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(place))

    def work() -> None:
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        assert lines(tmp_path, "erase") == ["erase is done"]

    served(tmp_path, work)
    assert not place.exists()


def test_whoever_does_not_read_is_waited_for_once(
    tmp_path: Path, operations: Operations, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for each further line: other operations wait meanwhile."""
    told: list[bytes] = []

    async def silent(writer: asyncio.StreamWriter, line: bytes, patience: float | None) -> bool:
        told.append(line)
        return False

    monkeypatch.setattr(control, "_told", silent)

    def work() -> None:
        gone = socket.socket(socket.AF_UNIX)
        gone.connect(str(tmp_path / "parley.sock"))
        gone.sendall(orjson.dumps({"name": "first", "arguments": {"lines": 50}}) + b"\n")
        assert gone.recv(1) == b"", "closed when the operation has ended"
        gone.close()

    served(tmp_path, work)
    assert len(told) == 1


def test_lines_wait_for_a_slow_reader_in_a_bounded_number(
    tmp_path: Path, operations: Operations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "MAX_LINES", 5)

    def work() -> None:
        assert lines(tmp_path, "events", lines=2_000) == ["line"] * 2_000 + ["events is done"]

    served(tmp_path, work)


def test_whoever_turns_pages_holds_up_neither_operations_nor_the_end(
    tmp_path: Path, operations: Operations
) -> None:
    def work() -> None:
        paused = socket.socket(socket.AF_UNIX)
        paused.connect(str(tmp_path / "parley.sock"))
        paused.sendall(orjson.dumps({"name": "events", "arguments": {"lines": 100_000}}) + b"\n")
        assert operations.begun.wait(10)
        assert lines(tmp_path, "erase") == ["erase is done"]
        assert operations.running == ["events"]
        kept.append(paused)

    kept: list[socket.socket] = []
    served(tmp_path, work)
    kept[0].close()
