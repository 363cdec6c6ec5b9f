"""The `parley` command on a data folder, with a server running on it and without."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from domain.ports.consumers import Parked
from local.folder import DataFolder
from local.rebuilding import rebuild
from local.stores import Stores
from tests.server.harness import (
    OPTIONS,
    PARLEY,
    Party,
    Person,
    Server,
    environment,
    parley,
    spawned,
    texts,
    until,
    versions,
)

FIXTURES = Path(__file__).parent.parent / "fixtures" / "irc"
SHORT = sorted(FIXTURES.glob("*.log.txt"))
LOGS = Path(__file__).parent.parent.parent.parent / "shared" / "data" / "ubuntu-irc"
TEN = sorted(LOGS.glob("*.log.txt"))
needs_logs = pytest.mark.skipif(len(TEN) != 10, reason=f"the ten IRC logs are not in {LOGS}")
MASTER = bytes(range(32))
"""A key that folders share, so that the same nick is the same person in each."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


UNREADABLE = ('"error":"TopicError"', '"error":"AttributeError"')
"""What the server logs of an event that was planted to be unreadable."""


@pytest.fixture
def served(folder: Path) -> Iterator[Server]:
    with Server(folder) as server:
        yield server
    assert not [line for line in server.faults if not any(mark in line for mark in UNREADABLE)]


def rows(folder: Path, statement: str) -> list[Any]:
    """Reads the event store beside whoever writes it."""
    with closing(sqlite3.connect(f"file:{folder}/events.sqlite?mode=ro", uri=True)) as store:
        return store.execute(statement).fetchall()


# events


def test_events_are_those_of_the_api(served: Server) -> None:
    party = Party(served)
    room, (ann, _), (tab, other) = party.tabs("ann", "bob")
    version = tab.ok("post", room=room, text="hello\n<world> \u2028 🚀")
    other.ok("react", room=room, version=version, emoji="👍")
    tab.ok("edit", room=room, version=version, text="bye")
    for i in range(5):
        tab.ok("post", room=room, text=f"{i}", reply_to=version, kind="action")
    api = ann.events(room)
    assert served.parley("events", room).rows == api
    assert spawned("events", "--data-dir", served.folder, room).rows == api
    assert versions(served.parley("events", ann.id).rows)[:2] == [1, 2]
    tab.ok("delete", room=room, version=version)
    withheld, whole = ann.events(room), served.parley("events", room, "--deleted").rows
    assert [e["data"]["text"] for e in withheld if e["version"] in (version, version + 2)] == [
        None, None,
    ]  # fmt: skip
    assert whole == [*api, withheld[-1]]
    assert served.parley("events", room).rows == withheld
    api = withheld
    served.stop()
    assert parley(served.folder, "events", room, "--deleted").rows == whole
    assert parley(served.folder, "events", room).rows == api
    assert spawned("events", room, "--data-dir", served.folder).rows == api
    for nothing in ("no-such-room", "u_nobody", "../x"):
        run = parley(served.folder, "events", nothing, check=False)
        assert (run.code, run.lines) == (1, [])
        assert one_line(run.error)


@pytest.mark.parametrize("name", ["an unknown topic", "a broken state"])
def test_events_tell_of_what_they_cannot_show(served: Server, name: str) -> None:
    party = Party(served)
    room, (_, _), (tab, _) = party.tabs("ann", "bob")
    tab.ok("post", room=room, text="before")
    served.stop()
    version = plant(served.folder, room, *POISON[name])
    plant(served.folder, room, *POISON[name])
    topic, state = POISON[name]
    for running in (False, True):
        if running:
            served.start()
        run = parley(served.folder, "events", room, check=False)
        assert versions(run.rows) == list(range(1, version + 2))
        assert [row["type"] for row in run.rows[-2:]] == ["Unreadable", "Unreadable"]
        shown = run.rows[-2]
        assert shown == {
            "version": version, "type": "Unreadable", "at": state["at"], "by": state.get("by"),
            "data": {"topic": topic, "error": shown["data"]["error"]}, "id": state.get("id"),
        }  # fmt: skip
        assert run.code == 1
        assert one_line(run.error)
        assert f"2 of {version + 1} events could not be read: version {version}," in run.error


def one_line(error: str) -> bool:
    return error.startswith("parley: ") and error.count("\n") == 1 and "Traceback" not in error


# import


def imported(folder: Path, *logs: Path, room: str = "irc", **options: Any) -> list[str]:
    words = ["irc", *map(str, logs), "--room", room]
    return parley(folder, "import", *words, **options).lines


def plain(folder: Path, room: str = "irc") -> list[Any]:
    """Returns a room's events without the times at which the room was made."""
    events = parley(folder, "events", room).rows
    for event in events[:2]:
        event.pop("at")
    return events


@pytest.fixture(scope="session")
def short(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[Any]]:
    """What an import of the fixtures says, and the room that it makes."""
    folder = tmp_path_factory.mktemp("short")
    (folder / "vault.key").write_bytes(MASTER)
    said = imported(folder, *SHORT)
    return said, plain(folder)


def test_an_import_tells_what_it_did(short: tuple[list[str], list[Any]]) -> None:
    said, events = short
    assert said == [
        "2005-08-08_01.log.txt:15: not understood: the text is empty",
        "2011-11-13_02.log.txt:6: not understood: the text is empty",
        f"68 lines read, {len(events) - 2} events added",
    ]
    assert versions(events) == list(range(1, len(events) + 1))
    assert events[0]["data"] == {"name": "#irc", "kind": "public"}
    assert events[2]["at"].startswith("2005-08-08T")
    assert events[-1]["at"].startswith("2011-11-14T")  # past midnight


def test_replies_point_to_the_right_messages(short: tuple[list[str], list[Any]]) -> None:
    _, events = short
    prefixes: dict[str, dict[int, Any]] = {}
    for event in events:
        if event["type"] == "MessagePosted":
            _, digest, line, _ = event["id"].split(":")
            prefixes.setdefault(digest, {})[int(line)] = event
    by_version = {event["version"]: event for event in events}
    links = 0
    for path, said in zip(SHORT, prefixes.values(), strict=True):
        lines = path.read_text().splitlines()
        replies = path.with_name(path.name.replace(".log.", ".replies.")).read_text()
        parents: dict[int, set[int]] = {}
        for link in replies.splitlines():
            parent, child = map(int, link.split()[:2])
            if parent < child:
                parents.setdefault(child, set()).add(parent)
        for line, event in said.items():
            assert lines[line].endswith(event["data"]["text"].strip()), (path.name, line)
            reply_to = event["data"].get("reply_to")
            if reply_to is not None:
                found = {parent for parent in parents[line] if parent in said}
                assert by_version[reply_to] in [said[parent] for parent in found]
                links += 1
            else:
                assert not {parent for parent in parents.get(line, ()) if parent in said}
    assert links > 10


def test_importing_twice_adds_nothing(folder: Path, short: tuple[list[str], list[Any]]) -> None:
    folder.mkdir()
    (folder / "vault.key").write_bytes(MASTER)
    imported(folder, *SHORT)
    head = rows(folder, "SELECT max(rowid) FROM stored_events")
    assert imported(folder, *SHORT)[-1].startswith("68 lines read, 0 events added")
    # File by file, in the wrong order, under other names: it is the content that counts.
    for number, path in enumerate(reversed(SHORT)):
        other = folder.parent / f"{path.name[:10]}_{number}0.log.txt"
        shutil.copy(path, other)
        assert ", 0 events added" in imported(folder, path)[-1]
    assert rows(folder, "SELECT max(rowid) FROM stored_events") == head
    assert plain(folder) == short[1]


def test_an_import_into_a_running_server(folder: Path, short: tuple[list[str], list[Any]]) -> None:
    folder.mkdir()
    (folder / "vault.key").write_bytes(MASTER)
    with Server(folder) as server:
        ann = server.enter("ann")
        said = imported(folder, *SHORT)
        assert said == short[0]
        events = plain(folder)
        assert events == short[1]
        summary = ann.directory()["irc"]
        assert summary["head"] == len(events)
        assert texts(ann.events("irc")) == texts(events)
        tab = ann.connect("irc")
        tab.ok("join", room="irc")
        tab.ok("post", room="irc", text="what did I miss?")
        assert not server.faults


def test_strict_writes_nothing(folder: Path) -> None:
    run = parley(folder, "import", "irc", *SHORT, "--room", "irc", "--strict", check=False)
    assert run.code == 1
    assert run.lines == [
        "2005-08-08_01.log.txt:15: not understood: the text is empty",
        "2011-11-13_02.log.txt:6: not understood: the text is empty",
    ]
    assert run.error == "parley: 2 lines are not understood; nothing was written\n"
    assert rows(folder, "SELECT * FROM stored_events") == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("2005-08-08_01.log.txt", None),
        ("nodate.log.txt", "[01:00] <ann> hello\n"),
        ("2005-13-45_01.log.txt", "[01:00] <ann> hello\n"),
    ],
)
def test_files_that_cannot_be_imported(folder: Path, name: str, content: str | None) -> None:
    path = folder.parent / name
    if content is not None:
        path.write_text(content)
    run = parley(folder, "import", "irc", path, "--room", "irc", check=False)
    assert (run.code, run.lines) == (1, [])
    assert one_line(run.error), run.error
    assert name in run.error or "date" in run.error


@pytest.mark.parametrize(
    ("content", "left_out"),
    [("", 0), ("Dear all,\nthis is no chat.\n", 2), ("\ufffd\x00\x01" * 1000, 1)],
    ids=["empty", "text", "noise"],
)
def test_a_file_without_a_line_of_a_chat_makes_no_room(
    folder: Path, content: str, left_out: int
) -> None:
    path = folder.parent / "2005-08-08_01.log.txt"
    path.write_text(content)
    run = parley(folder, "import", "irc", path, "--room", "irc", check=False)
    assert run.code == 1
    assert len(run.lines) == left_out
    assert all("not understood" in line for line in run.lines)
    assert run.error == "parley: no line of a chat was found; nothing was written\n"
    assert rows(folder, "SELECT * FROM stored_events") == []


def test_a_file_that_is_not_there_is_named_plainly(folder: Path) -> None:
    missing = folder.parent / "nowhere"
    run = parley(folder, "import", "irc", missing, "--room", "irc", check=False)
    assert (run.code, run.error) == (1, f"parley: {missing}: no such file or directory\n")


@pytest.mark.parametrize("room", ["Bad Room", "a_b", "", "r" * 65, "u_4k2j7q9x3m5pa"])
def test_a_room_that_cannot_be_imported_into(folder: Path, room: str) -> None:
    run = parley(folder, "import", "irc", *SHORT, "--room", room, check=False)
    assert run.code != 0
    assert "Traceback" not in run.error
    assert rows(folder, "SELECT * FROM stored_events") == []


@pytest.fixture(scope="session")
def ten(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[Any]]:
    """What an import of the ten logs says when it is left alone, and the room that it makes."""
    calm = tmp_path_factory.mktemp("calm")
    (calm / "vault.key").write_bytes(MASTER)
    said = imported(calm, *TEN)
    return said, plain(calm)


@needs_logs
@pytest.mark.xdist_group("import")
def test_each_line_that_is_understood_is_in_the_room(ten: tuple[list[str], list[Any]]) -> None:
    said, events = ten
    assert said[-1] == f"12500 lines read, {len(events) - 2} events added"
    assert versions(events) == list(range(1, len(events) + 1))
    assert [line for line in said if line.startswith("refused")] == []


@needs_logs
@pytest.mark.xdist_group("import")
def test_an_import_that_is_killed_goes_on(tmp_path: Path, ten: tuple[list[str], list[Any]]) -> None:
    """Killed at several points, it ends with the room of an import that was left alone."""
    killed = tmp_path / "killed"
    killed.mkdir()
    (killed / "vault.key").write_bytes(MASTER)
    count = "SELECT count(*) FROM stored_events WHERE originator_id='irc'"
    words = [PARLEY, "import", "--data-dir", str(killed), "irc", *map(str, TEN), "--room", "irc"]
    for point in (1, 1_500, 7_000):
        process = subprocess.Popen(
            words, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(lambda: (killed / "events.sqlite").exists())

        def reached(wanted: int = point) -> bool:
            try:
                return bool(rows(killed, count)[0][0] >= wanted)
            except sqlite3.OperationalError:  # no table yet
                return False

        until(reached, patience=60)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert rows(killed, count)[0][0] < 13_000
    imported(killed, *TEN)
    assert plain(killed) == ten[1]
    assert ", 0 events added" in imported(killed, *TEN)[-1]


# views, rebuild


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


@pytest.mark.parametrize("key", [None, bytes(32)], ids=["missing", "another"])
def test_a_folder_without_its_master_key_is_not_opened(
    lively: Path, folder: Path, key: bytes | None
) -> None:
    shutil.copytree(lively, folder, ignore=shutil.ignore_patterns("*.sock"))
    own = (folder / "vault.key").read_bytes()
    (folder / "vault.key").unlink()
    if key is not None:
        (folder / "vault.key").write_bytes(key)
    what = "vault.key is missing" if key is None else "vault.key is of another folder"
    for words in (["events", "irc"], ["rebuild"], ["serve", "--port", "0"]):
        refused = parley(folder, *words, check=False)
        assert refused.code != 0
        assert what in refused.error
        assert (folder / "vault.key").exists() == (key is not None)
    (folder / "vault.key").write_bytes(own)
    assert len(parley(folder, "events", "irc").lines) > 100


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


# backup


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


# dead letters


def plant(folder: Path, room: str, topic: str, state: dict[str, Any]) -> int:
    """Appends an event to a room behind the back of a stopped server; returns its version."""
    with closing(sqlite3.connect(folder / "events.sqlite")) as store:
        (head,) = store.execute(
            "SELECT max(originator_version) FROM stored_events WHERE originator_id=?", (room,)
        ).fetchone()
        version = int(head) + 1
        whole = {"originator_id": room, "originator_version": version, **state}
        store.execute(
            "INSERT INTO stored_events (originator_id, originator_version, topic, state)"
            " VALUES (?,?,?,?)",
            (room, version, topic, json.dumps(whole).encode()),
        )
        store.commit()
    return version


COMMON = {
    "at": "2026-01-01T00:00:00.000000+00:00",
    "recorded_at": "2026-01-01T00:00:00.000000+00:00",
    "by": "u_poison",
    "id": "poison",
    "digest": "",
}
POISON: dict[str, tuple[str, dict[str, Any]]] = {
    "a view cannot fold it": ("room.message-edited", {**COMMON, "message": [1], "text": None}),
    "an unknown topic": ("room.never-heard-of", COMMON),
    "a broken state": ("room.message-posted", {"at": "2026-01-01T00:00:00.000000+00:00"}),
}


@pytest.mark.parametrize("name", POISON)
def test_a_poisoned_event_does_not_stop_its_room(served: Server, name: str) -> None:
    party = Party(served)
    room, (ann, _), (tab, _) = party.tabs("ann", "bob")
    other = party.room(tab)
    tab.ok("post", room=room, text="before")
    served.stop()
    assert parley(served.folder, "dead-letters", "list").lines == []
    version = plant(served.folder, room, *POISON[name])
    served.start()
    parked = until(lambda: served.parley("dead-letters", "list").rows)
    assert {(row["consumer"], row["stream"], row["version"]) for row in parked} >= {
        ("project_views", room, version)
    }
    # Other rooms do not notice, and this one goes on.
    tab = ann.connect()
    tab.ok("post", room=other, text="elsewhere")
    assert ann.rooms().keys() >= {room, other}
    page = ann.get(f"/api/rooms/{room}/messages")["messages"]
    assert [message["text"] for message in page] == ["before"]
    assert "error" not in tab.sync({room: None})[room]
    if name != "a view cannot fold it":
        # What a room's state is behind an event that nobody can read, nobody knows: it is read
        # on, and not written.
        assert tab.refused("post", room=room, text="after") == "internal"
        return
    assert tab.ok("post", room=room, text="after") == version + 1
    assert tab.event(room, version + 1)["data"]["text"] == "after"
    page = ann.get(f"/api/rooms/{room}/messages")["messages"]
    assert [message["text"] for message in page] == ["before", "after"]


@pytest.mark.parametrize("name", ["an unknown topic", "a broken state"])
def test_a_poisoned_event_does_not_leave_a_sync_without_an_answer(
    served: Server, name: str
) -> None:
    party = Party(served)
    room, (ann, _), (tab, _) = party.tabs("ann", "bob")
    held = tab.ok("post", room=room, text="before")
    served.stop()
    version = plant(served.folder, room, *POISON[name])
    served.start()
    until(lambda: served.parley("dead-letters", "list").rows)
    tab = ann.connect()
    id = tab.send("sync", rooms={room: held})
    answer = tab.receive(timeout=5)
    assert (answer["type"], answer["id"]) in {("synced", id), ("error", id)}
    told = ann.http("GET", f"/api/rooms/{room}/events?after={held}")
    assert told.status == 200
    assert version not in versions(told.json["events"])


def test_a_dead_letter_is_redriven_once_it_is_mended(served: Server) -> None:
    party = Party(served)
    room, (ann, _), (tab, _) = party.tabs("ann", "bob")
    first = tab.ok("post", room=room, text="before")
    served.stop()
    topic, state = POISON["a view cannot fold it"]
    version = plant(served.folder, room, topic, state)
    served.start()
    until(lambda: served.parley("dead-letters", "list").rows)
    # What is still broken is parked again.
    said = served.parley("dead-letters", "redrive").lines
    assert said[-1].endswith(" left")
    assert not said[-1].endswith(", 0 left")
    assert served.parley("dead-letters", "list").lines != []
    views = served.parley("views").lines
    served.stop()
    with closing(sqlite3.connect(served.folder / "events.sqlite")) as store:
        store.execute(
            "UPDATE stored_events SET topic=?, state=? WHERE originator_id=? AND"
            " originator_version=?",
            (
                "room.message-deleted",
                json.dumps(
                    {
                        **COMMON,
                        "originator_id": room,
                        "originator_version": version,
                        "message": first,
                    }
                ).encode(),
                room,
                version,
            ),
        )
        store.commit()
    assert parley(served.folder, "dead-letters", "redrive").lines[-1].endswith(", 0 left")
    assert parley(served.folder, "dead-letters", "list").lines == []
    mended = parley(served.folder, "views").lines
    assert mended != views
    parley(served.folder, "rebuild")
    assert parley(served.folder, "views").lines == mended
    served.start()
    (message,) = ann.get(f"/api/rooms/{room}/messages")["messages"]
    assert message["deleted"]


# erase


def test_erased_words_are_nowhere(served: Server, tmp_path: Path) -> None:
    words = ["sesquipedalian-heliotrope", "antediluvian-marmalade", "perspicacious-oboe"]
    party = Party(served)
    ann, bob = party.enter("ann"), served.enter(words[0])
    tab, other = ann.connect(), bob.connect()
    room = party.room(tab)
    for one in (tab, other):
        one.ok("join", room=room)
        one.sync({room: None})
    mine = tab.ok("post", room=room, text="what ann wrote")
    theirs = other.ok("post", room=room, text=f"a text with {words[1]}")
    other.ok("edit", room=room, version=theirs, text=f"an edit with {words[2]}")
    own_room = party.room_id()
    other.ok("create_room", room=own_room, name=words[1], kind="public")
    unused = bob.ticket()
    assert served.parley("erase", bob.id).lines == [f"{bob.id} is erased"]
    assert other.close_code() == 4401
    assert bob.http("GET", "/api/session").status == 401
    assert served.http("GET", unused.partition("127.0.0.1")[2].partition("/")[2]).status != 101
    assert served.parley("erase", bob.id).lines == [f"{bob.id} was erased before"]

    def seen(server: Server) -> None:
        page = ann.get(f"/api/rooms/{room}/messages")
        assert [message["text"] for message in page["messages"]] == ["what ann wrote", None]
        assert page["people"] == {ann.id: ann.name, bob.id: None}
        events = ann.events(room)
        assert [e["data"]["text"] for e in events if "text" in e["data"]] == [
            "what ann wrote",
            None,
            None,
        ]
        snapshot = ann.connect().sync({room: None})[room]["snapshot"]
        assert [message["text"] for message in snapshot["messages"]] == ["what ann wrote", None]
        names = {
            row["user"]: row["name"] for row in ann.get(f"/api/rooms/{room}/members")["members"]
        }
        assert names == {ann.id: ann.name, bob.id: None}
        assert ann.directory()[own_room]["name"] is None

    seen(served)
    # The room goes on, and on what they wrote others still decide.
    tab.ok("delete", room=room, version=theirs)
    tab.ok("react", room=room, version=mine, emoji="👍")
    assert served.enter(words[0]).id != bob.id
    served.stop()

    fresh = tmp_path / "fresh"
    fresh.mkdir()
    for name in ("events.sqlite", "keys.sqlite", "vault.key", "accounts.sqlite"):
        shutil.copy(served.folder / name, fresh)
    parley(fresh, "rebuild")
    for place in (fresh, served.folder):
        for file in place.iterdir():
            if file.is_file():
                content = file.read_bytes()
                for word in words:
                    assert word.encode() not in content, (file, word)
    for line in parley(fresh, "events", room).lines + parley(fresh, "views").lines:
        assert not any(word in line for word in words)
    # Their key is gone from the file of keys, not just out of use.
    with closing(sqlite3.connect(fresh / "keys.sqlite")) as keys:
        assert keys.execute("SELECT wrapped FROM keys WHERE user=?", (bob.id,)).fetchall() == [
            (None,)
        ]


def test_an_erased_persons_ticket_opens_nothing(served: Server) -> None:
    bob = served.enter("bob")
    url = bob.ticket()
    served.parley("erase", bob.id)
    with pytest.raises(InvalidStatus):
        connect(url, **OPTIONS)


def test_erasing_without_a_server(lively: Path, folder: Path) -> None:
    shutil.copytree(lively, folder, ignore=shutil.ignore_patterns("*.sock"))
    events = parley(folder, "events", "irc").rows
    writer = next(event["by"] for event in events if event["type"] == "MessagePosted")
    key = b"".join(
        row[0]
        for row in sqlite_rows(
            folder / "keys.sqlite", f"SELECT wrapped FROM keys WHERE user='{writer}'"
        )
    )
    assert key in (folder / "keys.sqlite").read_bytes()
    assert parley(folder, "erase", writer).lines == [f"{writer} is erased"]
    for file in folder.iterdir():
        assert key not in file.read_bytes(), file
    after = parley(folder, "events", "irc").rows
    for old, new in zip(events, after, strict=True):
        if old["type"] == "MessagePosted":
            expected = None if old["by"] == writer else old["data"]["text"]
            assert new["data"]["text"] == expected
    for nobody in ("u_nobody", "irc", "../etc"):
        run = parley(folder, "erase", nobody, check=False)
        assert run.code == 1
        assert one_line(run.error)


# sign-out


def started(person: Person, server: Server) -> list[str]:
    """Returns the sessions that a person's own log says were started."""
    rows = parley(server.folder, "events", person.id).rows
    found = [row["data"]["session"] for row in rows if row["type"] == "SessionStarted"]
    assert len(found) == 1
    return found


def ended(rows: list[Any]) -> list[str]:
    """Returns the sessions that a log says were ended, wherever that stands: `track_memberships`
    may still be telling the log of rooms that were joined before."""
    return [row["data"]["session"] for row in rows if row["type"] == "SessionEnded"]


def test_who_is_signed_out_is_out_everywhere_and_others_stay(served: Server) -> None:
    party = Party(served)
    room, (ann, bob), (tab, other) = party.tabs("ann", "bob")
    version = other.ok("post", room=room, text="bob was here")
    tab.event(room, version)
    second, unused = bob.connect(), bob.ticket()
    said = served.parley("sign-out", bob.id).lines
    assert said == [f"{bob.id} is signed out: 1 sessions ended, 2 connections closed"]
    assert (other.close_code(), second.close_code()) == (4401, 4401)
    assert bob.http("GET", "/api/session").status == 401
    assert bob.http("POST", "/api/tickets").status == 401
    with pytest.raises(InvalidStatus):
        connect(unused, **OPTIONS)
    # What they wrote is there, their log says what happened, and others go on.
    assert texts(ann.events(room)) == ["bob was here"]
    assert tab.ok("post", room=room, text="still here") == version + 1
    assert ann.http("GET", "/api/session").status == 200
    assert ended(served.parley("events", bob.id).rows) == started(bob, served)
    again = served.parley("sign-out", bob.id).lines
    assert again == [f"{bob.id} is signed out: 0 sessions ended, 0 connections closed"]
    # A guest's nickname is anybody's then.
    assert served.enter(bob.name).id != bob.id


def test_signing_out_without_a_server(served: Server) -> None:
    party = Party(served)
    room, (ann, bob), (_, other) = party.tabs("ann", "bob")
    other.ok("post", room=room, text="bob was here")
    served.stop()
    said = parley(served.folder, "sign-out", bob.id).lines
    assert said == [f"{bob.id} is signed out: 1 sessions ended, 0 connections closed"]
    assert ended(parley(served.folder, "events", bob.id).rows) == started(bob, served)
    for nobody in ("u_nobody", room, "../etc"):
        run = parley(served.folder, "sign-out", nobody, check=False)
        assert (run.code, run.lines) == (1, [])
        assert one_line(run.error)
        assert f"no person {nobody}" in run.error
    served.start()
    assert bob.http("GET", "/api/session").status == 401
    assert texts(ann.events(room)) == ["bob was here"]
    run = served.parley("sign-out", "u_nobody", check=False)
    assert run.code == 1
    assert "no person u_nobody" in run.error


def sqlite_rows(path: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as store:
        return store.execute(statement).fetchall()


# Starting


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
