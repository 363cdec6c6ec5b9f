"""What tests of the command line share: logs to import, and what stands in a data folder."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.server.harness import (
    parley,
)

FIXTURES = Path(__file__).parents[2] / "fixtures" / "irc"
SHORT = sorted(FIXTURES.glob("*.log.txt"))
LOGS = Path(__file__).parents[4] / "shared" / "data" / "ubuntu-irc"
TEN = sorted(LOGS.glob("*.log.txt"))
needs_logs = pytest.mark.skipif(len(TEN) != 10, reason=f"the ten IRC logs are not in {LOGS}")
MASTER = bytes(range(32))
"""A key that folders share, so that the same nick is the same person in each."""
UNREADABLE = ('"error":"TopicError"', '"error":"AttributeError"')
"""What the server logs of an event that was planted to be unreadable."""


def rows(folder: Path, statement: str) -> list[Any]:
    """Reads the event store beside whoever writes it."""
    with closing(sqlite3.connect(f"file:{folder}/events.sqlite?mode=ro", uri=True)) as store:
        return store.execute(statement).fetchall()


def one_line(error: str) -> bool:
    return error.startswith("parley: ") and error.count("\n") == 1 and "Traceback" not in error


def imported(folder: Path, *logs: Path, room: str = "irc", **options: Any) -> list[str]:
    words = ["irc", *map(str, logs), "--room", room]
    return parley(folder, "import", *words, **options).lines


def plain(folder: Path, room: str = "irc") -> list[Any]:
    """Returns a room's events without the times at which the room was made."""
    events = parley(folder, "events", room).rows
    for event in events[:2]:
        event.pop("at")
    return events


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
