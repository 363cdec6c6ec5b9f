"""`parley views` and `parley rebuild`, with a server and without."""

import shutil
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from domain.ports.consumers import Parked
from local.folder import DataFolder
from local.rebuilding import rebuild
from local.stores import Stores
from tests.functional.cli.folders import rows
from tests.server.harness import (
    Server,
    parley,
)


def test_a_rebuild_gives_the_same_views(lively: Path, folder: Path) -> None:
    shutil.copytree(lively, folder, ignore=shutil.ignore_patterns("*.sock"))
    before = parley(folder, "views").lines
    assert len(before) > 100
    events = rows(folder, "SELECT count(*) FROM stored_events")[0][0]
    assert parley(folder, "rebuild").lines == [f"{events} events folded"]
    assert parley(folder, "views").lines == before
    (folder / "views.sqlite").unlink()
    assert parley(folder, "views").lines == before


def test_a_rebuild_leaves_what_is_read_until_it_is_done(lively: Path, folder: Path) -> None:
    shutil.copytree(lively, folder, ignore=shutil.ignore_patterns("*.sock"))
    before = parley(folder, "views").lines
    with closing(DataFolder(folder)) as opened, closing(Stores(opened)) as stores:

        def dump() -> list[str]:
            rows = stores.views.dump()
            return [orjson.dumps(row, option=orjson.OPT_SORT_KEYS).decode() for row in rows]

        # A view that is wrong, so that the change shows.
        stores.views.store.drop("R#irc", "m#", "m#~")
        stores.progress.park(Parked("project_views", "irc", 3, "gone", "now"))
        stores.progress.park(Parked("track_memberships", "irc", 3, "stays", "now"))
        wrong = dump()
        assert len(wrong) < len(before)
        seen = []

        def look(done: int, of: int) -> None:
            seen.append(dump() == wrong)

        def stop(done: int, of: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            rebuild(stores, None, stop)
        assert dump() == wrong
        rebuild(stores, None, look)
        assert seen
        assert all(seen)
        assert dump() == before
        assert [one.consumer for one in stores.progress.parked()] == ["track_memberships"]
        assert (
            stores.progress.position("project_views") == stores.events.events.max_notification_id()
        )
    assert not list(folder.glob("*.rebuilt*"))
    assert parley(folder, "views").lines == before


def test_a_rebuild_under_a_running_server(lively: Path, folder: Path) -> None:
    shutil.copytree(lively, folder, ignore=shutil.ignore_patterns("*.sock"))
    with Server(folder) as server:
        ann = server.enter("ann2")
        tab = ann.connect("irc")
        before = server.parley("views").lines
        page = ann.get("/api/rooms/irc/messages?limit=1000")
        members = ann.get("/api/rooms/irc/members?limit=1000")
        rooms = ann.rooms() | ann.directory()
        stop = threading.Event()
        wrong: list[Any] = []
        reads = 0

        def read() -> None:
            nonlocal reads
            while not stop.is_set():
                for what, expected in (("messages", page), ("members", members)):
                    found = ann.http("GET", f"/api/rooms/irc/{what}?limit=1000")
                    if found.status != 200 or found.json != expected:
                        told = {name: len(rows) for name, rows in found.json.items()}
                        wrong.append((reads, what, found.status, told))
                    reads += 1

        reader = threading.Thread(target=read)
        reader.start()
        try:
            for _ in range(3):
                server.parley("rebuild")
                assert tab.sync({"irc": None})["irc"]["snapshot"]["messages"]
        finally:
            stop.set()
            reader.join()
        assert server.parley("views").lines == before
        assert ann.rooms() | ann.directory() == rooms
        assert reads > 4
        # What is read meanwhile is right too.
        assert wrong == []
        assert not server.faults
