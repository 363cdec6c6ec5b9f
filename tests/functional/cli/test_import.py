"""`parley import`: what is in the room after it, whatever came between."""

import shutil
import signal
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.functional.cli.folders import (
    MASTER,
    SHORT,
    TEN,
    imported,
    needs_logs,
    one_line,
    plain,
    rows,
)
from tests.server.harness import (
    PARLEY,
    Server,
    environment,
    parley,
    texts,
    until,
    versions,
)


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
    assert run.error == "parley: no chat line was found; nothing was written\n"
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
