"""`parley serve` on a folder, a port or a key that it cannot use."""

import os
import shutil
import signal
import socket
from pathlib import Path

import pytest

from tests.functional.cli.folders import SHORT, imported, one_line
from tests.server.harness import (
    Party,
    Server,
    parley,
    spawned,
)


@pytest.mark.parametrize("key", [None, bytes(32)], ids=["missing", "another"])
def test_a_folder_without_its_master_key_is_not_opened(
    lively: Path, folder: Path, key: bytes | None
) -> None:
    shutil.copytree(lively, folder, ignore=shutil.ignore_patterns("*.sock"))
    own = (folder / "vault.key").read_bytes()
    (folder / "vault.key").unlink()
    if key is not None:
        (folder / "vault.key").write_bytes(key)
    what = "vault.key is missing" if key is None else "vault.key belongs to another folder"
    for words in (["events", "irc"], ["rebuild"], ["serve", "--port", "0"]):
        refused = parley(folder, *words, check=False)
        assert refused.code != 0
        assert what in refused.error
        assert (folder / "vault.key").exists() == (key is not None)
    (folder / "vault.key").write_bytes(own)
    assert len(parley(folder, "events", "irc").lines) > 100


def refused(*words: str | Path) -> str:
    """Runs `parley serve`, which must end at once; returns its one line of complaint."""
    run = spawned("serve", *words, check=False)
    assert run.code not in (0, -signal.SIGKILL)
    assert run.lines == []
    assert one_line(run.error), run.error
    return run.error


def test_a_second_server_on_the_folder(served: Server) -> None:
    said = refused("--port", "0", "--data-dir", served.folder)
    assert str(served.folder) in said
    assert served.http("GET", "/healthz").status == 200
    served.parley("views")


def test_a_port_that_is_taken(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert str(port) in refused("--port", str(port), "--data-dir", folder)


def test_a_port_that_is_none(folder: Path) -> None:
    assert "99999" in refused("--port", "99999", "--data-dir", folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "abc"),
        ("PORT", "tcp://10.0.0.1:80"),
        ("RATE", "abc"),
        ("RATE", "-1"),
        ("RATE", "nan"),
    ],
)
def test_a_number_of_the_environment_that_is_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    run = parley(folder, "serve", check=False)
    assert (run.code, run.lines) == (2, [])
    assert one_line(run.error)
    assert name in run.error
    assert value in run.error
    # Commands that do not need it do not look at it.
    said = imported(folder, *SHORT[:1])
    assert said[-1].endswith("events added")


@pytest.mark.parametrize("below", ["", "data"])
@pytest.mark.parametrize(
    "words",
    [
        ["events", "lobby"], ["views"], ["rebuild"], ["dead-letters", "list"],
        ["dead-letters", "redrive"], ["erase", "u_x"], ["sign-out", "u_x"], ["backup", "b.tar"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_folder_without_data_is_refused_and_stays_as_it_is(
    tmp_path: Path, words: list[str], below: str
) -> None:
    run = parley(tmp_path / below, *words, check=False)
    assert (run.code, run.lines) == (1, [])
    assert one_line(run.error)
    assert f"there is no data in {tmp_path / below}" in run.error
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert str(tmp_path / "file") in refused("--port", "0", "--data-dir", tmp_path / "file")
    refused("--port", "0", "--data-dir", tmp_path / "file" / "below")
    run = parley(tmp_path / "file", "views", check=False)
    assert run.code == 1
    assert one_line(run.error)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        refused("--port", "0", "--data-dir", tmp_path / "data")
    finally:
        tmp_path.chmod(0o700)


def test_a_key_that_is_none(folder: Path) -> None:
    folder.mkdir()
    (folder / "vault.key").write_bytes(b"short")
    assert "vault.key" in refused("--port", "0", "--data-dir", folder)
    run = parley(folder, "views", check=False)
    assert "vault.key" in run.error
    assert run.code == 1
    assert one_line(run.error)


def test_a_store_that_is_none(folder: Path) -> None:
    folder.mkdir()
    (folder / "events.sqlite").write_bytes(b"this is not a database, by any means" * 100)
    refused("--port", "0", "--data-dir", folder)


def test_a_deep_folder(tmp_path: Path) -> None:
    """Unix sockets have names of at most 107 bytes; folders have not."""
    folder = tmp_path / ("deep" * 20) / ("deeper" * 20) / "data"
    with Server(folder) as server:
        ann = server.enter("ann")
        room = Party(server).room(ann.connect())
        assert len(server.parley("events", room).lines) == 2
