"""The deployed stack in trouble and in an operator's hands."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from research.archive import gaps, stored_events
from tests.server.harness import ROOT, Party, Person, pushed, texts, until
from tests.stack.harness import StackServer
from tools.stack.deploying import NAME

PATIENCE = 60.0
"""Seconds; the emulator runs on a machine that does other things too."""

READ_PARQUET = """
import duckdb, json, sys
for row in duckdb.sql(f"SELECT * FROM read_parquet({sys.argv[1:]!r})").fetchall():
    print(json.dumps(row))
"""
COLUMNS = (
    "log", "version", "topic", "class_version", "at", "recorded_at", "by", "id", "digest", "state"
)  # fmt: skip


@pytest.fixture
def party(server: StackServer) -> Iterator[Party]:
    party = Party(server)
    yield party
    party.close()


def operate(server: StackServer, *words: str) -> list[str]:
    """Runs the installed command line on the stack; returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "local", *words, "--stack", NAME],
        cwd=ROOT,
        env=server.stack.emulator.environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def parked(server: StackServer, room: str) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in operate(server, "dead-letters", "list")]
    return [row for row in rows if row.get("stream") == room]


def shown(person: Person, room: str) -> list[str | None]:
    found = person.get(f"/api/rooms/{room}/messages")["messages"]
    return [message["text"] for message in found]


def listed(person: Person, room: str) -> dict[str, Any]:
    """Returns the room as the list shows it, which comes from the views alone."""
    return {**person.directory(), **person.rooms()}[room]


def test_a_poisoned_event_is_parked_its_room_goes_on_and_redrive_heals_it(
    party: Party, server: StackServer
) -> None:
    room, (ann, _), (tab, other) = party.tabs("Ann", "Bob")
    before = tab.ok("post", room=room, text="before")
    other.event(room, before)
    until(lambda: listed(ann, room)["head"] == before, PATIENCE)
    events = server.table("EventsTable")
    good = events.get({"log": room, "version": before})
    assert good is not None

    # An event that nobody can read yet, of a later release say, and one behind it.
    state = json.loads(good["state"])
    poison = {**good, "version": before + 1, "topic": "room.message-of-tomorrow"}
    behind = {**good, "version": before + 2, "state": json.dumps({**state, "n": state["n"] + 2})}
    events.put(poison)
    events.put(behind)
    until(lambda: listed(ann, room)["head"] == before + 2, PATIENCE)
    (row,) = [row for row in parked(server, room) if row["consumer"] == "project_views"]
    assert row["version"] == before + 1
    assert listed(ann, room)["last"]["version"] == before + 2
    # Other rooms never noticed.
    elsewhere, _, (here, there) = party.tabs("Cleo", "Dan")
    there.event(elsewhere, here.ok("post", room=elsewhere, text="all well"))

    # The cause is gone: the topic is known now.
    healed = {**poison, "topic": good["topic"], "state": json.dumps({**state, "n": state["n"] + 1})}
    events.put(healed)
    said = operate(server, "dead-letters", "redrive")
    assert any("redriven" in line for line in said), said
    assert parked(server, room) == []
    assert shown(ann, room) == ["before"] * 3
    # And the room is written again, by processes that know nothing of all that.
    after = tab.ok("post", room=room, text="after")
    assert after == before + 3
    assert other.event(room, after)["data"]["text"] == "after"


def test_rebuild_folds_the_views_anew_while_they_are_read(
    party: Party, server: StackServer
) -> None:
    room, (ann, _), (tab, other) = party.tabs("Ann", "Bob")
    versions = [tab.ok("post", room=room, text=f"message {n}") for n in range(5)]
    other.event(room, versions[-1])
    until(lambda: listed(ann, room)["head"] == versions[-1], PATIENCE)
    before = [line for line in operate(server, "views") if json.loads(line).get("room") == room]
    told = list(pushed(other.so_far(), room))
    said = operate(server, "rebuild")
    assert said[-1].endswith("folded"), said
    after = [line for line in operate(server, "views") if json.loads(line).get("room") == room]
    assert after == before
    assert shown(ann, room) == [f"message {n}" for n in range(5)]
    # No outside effect fires again. What their own log tells of being added may come at any time.
    assert told
    assert list(pushed(other.so_far(), room)) == []


def test_erasing_a_person_takes_their_words_everywhere(party: Party, server: StackServer) -> None:
    room, (_, bob), (tab, other) = party.tabs("Ann", "Bob")
    version = other.ok("post", room=room, text="forget me")
    tab.event(room, version)
    assert operate(server, "erase", bob.id) == [f"{bob.id} is erased"]
    assert other.close_code() in (1000, 1001, 1005, 1006, 4401)
    assert bob.http("GET", "/api/rooms").status in (401, 403)
    lines = [json.loads(line) for line in operate(server, "events", room)]
    assert texts(lines) == [None]


def test_archived_events_read_back_equal_the_log(
    party: Party, server: StackServer, tmp_path: Path
) -> None:
    room, _, (tab, other) = party.tabs("Ann", "Bob")
    for number in range(20):
        last = tab.ok("post", room=room, text=f"for the archive {number} \N{SUNFLOWER}")
    other.event(room, last)

    def archived() -> list[Any] | None:
        found = [
            e for e in stored_events(archive_rows(server, tmp_path)) if e.originator_id == room
        ]
        return found if len(found) >= last else None

    found = until(archived, 150)
    assert gaps(found) == {}
    log = server.table("EventsTable").query(
        "#log = :log", names={"#log": "log"}, values={":log": room}
    )
    assert [(e.originator_version, e.topic, e.state.decode()) for e in found] == [
        (item["version"], item["topic"], item["state"]) for item in log
    ]


def archive_rows(server: StackServer, folder: Path) -> list[dict[str, Any]]:
    """Returns the rows of all Parquet files in the archive's bucket."""
    s3, bucket = server.client("s3"), server.named("ArchiveBucket")
    files: list[str] = []
    for number, one in enumerate(s3.list_objects_v2(Bucket=bucket).get("Contents", [])):
        assert one["Key"].endswith(".parquet"), one["Key"]
        file = folder / f"{number}.parquet"
        s3.download_file(bucket, one["Key"], str(file))
        files.append(str(file))
    return [dict(zip(COLUMNS, row, strict=False)) for row in read_parquet(files)]


def read_parquet(files: Sequence[str]) -> list[Any]:
    if not files:
        return []
    python = ROOT / ".tools" / "ministack" / "bin" / "python"
    select = READ_PARQUET.replace("*", ", ".join(f'\\"{column}\\"' for column in COLUMNS))
    done = subprocess.run(
        [python, "-c", select, *files], capture_output=True, text=True, timeout=60, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]
