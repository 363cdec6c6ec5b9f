"""A copy of the data folder serves the same log."""

import shutil
import tarfile
import threading
from pathlib import Path

from tests.server.harness import (
    Party,
    Server,
    parley,
    until,
)


def test_a_backup_under_load_serves_the_same_log(served: Server, tmp_path: Path) -> None:
    party = Party(served)
    room, (ann, _), (tab, other) = party.tabs("ann", "bob")
    stop = threading.Event()
    acked: list[str] = []

    def load() -> None:
        while not stop.is_set():
            ids = [other.send("post", room=room, text=f"{i}") for i in range(20)]
            acked.extend(id for id in ids if other.answer(id)["type"] == "ack")

    writer = threading.Thread(target=load)
    writer.start()
    try:
        until(lambda: len(acked) > 200)
        before = tab.ok("post", room=room, text="before the backup")
        file = tmp_path / "backup.tar"
        said = served.parley("backup", file).lines
        after = tab.ok("post", room=room, text="after the backup")
    finally:
        stop.set()
        writer.join()
    assert str(file) in said[0]
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if "tmp" in path.name] == []
    log = ann.events(room)
    served.stop()

    with tarfile.open(file) as tar:
        assert sorted(tar.getnames()) == ["accounts.sqlite", "events.sqlite", "keys.sqlite"]
        tar.extractall(tmp_path / "new", filter="data")
    shutil.copy(served.folder / "vault.key", tmp_path / "new" / "vault.key")
    kept = parley(tmp_path / "new", "events", room).rows
    assert kept == log[: len(kept)]
    assert before <= len(kept) < after
    views = parley(tmp_path / "new", "views").lines
    parley(tmp_path / "new", "rebuild")
    assert parley(tmp_path / "new", "views").lines == views
    with Server(tmp_path / "new") as restored:
        ann.server = restored
        assert ann.events(room) == kept
        assert ann.connect(room).ok("post", room=room, text="and on") == len(kept) + 1
        assert not restored.faults


def test_a_backup_of_a_stopped_server(lively: Path, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(lively, folder, ignore=shutil.ignore_patterns("*.sock"))
    parley(folder, "backup", tmp_path / "b.tar")
    with tarfile.open(tmp_path / "b.tar") as tar:
        tar.extractall(tmp_path / "new", filter="data")
    shutil.copy(folder / "vault.key", tmp_path / "new")
    assert parley(tmp_path / "new", "events", "irc").lines == parley(folder, "events", "irc").lines
    assert parley(tmp_path / "new", "views").lines == parley(folder, "views").lines
    run = parley(folder, "backup", tmp_path / "no" / "such" / "b.tar", check=False)
    assert run.code == 1
    assert run.error == f"parley: there is no folder {tmp_path / 'no' / 'such'}\n"
