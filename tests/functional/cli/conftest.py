"""Data folders: empty, with a server on it, and stopped with all that views are made of."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.cli.folders import SHORT, UNREADABLE, imported
from tests.server.harness import (
    Party,
    Server,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def served(folder: Path) -> Iterator[Server]:
    with Server(folder) as server:
        yield server
    assert not [line for line in server.faults if not any(mark in line for mark in UNREADABLE)]


@pytest.fixture(scope="session")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped server's folder, with all that views are made of."""
    folder = tmp_path_factory.mktemp("lively") / "data"
    with Server(folder) as server:
        party = Party(server)
        room, (_, bob), (tab, other) = party.tabs("ann", "bob", kind="private")
        posted = [tab.ok("post", room=room, text=f"message {i}") for i in range(20)]
        tab.ok("edit", room=room, version=posted[0], text="changed")
        tab.ok("delete", room=room, version=posted[1])
        for version in posted[2:6]:
            other.ok("react", room=room, version=version, emoji="👍")
            tab.ok("react", room=room, version=version, emoji="👍")
        other.ok("unreact", room=room, version=posted[2], emoji="👍")
        other.ok("read", room=room, version=posted[10])
        tab.ok("set_role", room=room, user=bob.id, role="moderator")
        other.ok("leave", room=room)
        imported(folder, *SHORT)
        assert not server.faults
    return folder
