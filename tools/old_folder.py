"""Creates the data folder of tests/fixtures/folders, with the code of an earlier commit.

    git worktree add /tmp/old 5d66fd3
    .venv/bin/python tools/old_folder.py /tmp/old tests/fixtures/folders/5d66fd3.tar.xz

It runs the server and the command line of that checkout, uses them through the checkout's own test
harness, and packs the stopped folder (with its `vault.key`: nothing in it is private) together with
`expected.json`, which has everything that this commit read from it. Ids, keys and times are random,
so two runs give different archives. A fixture of a later commit gets a new name; an existing one is
never created again.
"""

import json
import os
import sqlite3
import sys
import tarfile
import tempfile
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

LONG = 1_100
"""Events of one room: a snapshot is stored at 1,000."""

LOG = """\
=== zoe [n=zoe@example] has joined #irc
[10:00] <zoe> hello from an old log
[10:01] <yan> zoe: hello
=== yan is now known as yannick
[10:02] * yannick waves
[10:03] <zoe> yannick: welcome back
"""
FILES = ("events.sqlite", "views.sqlite", "accounts.sqlite", "keys.sqlite", "vault.key")


def main(checkout: Path, target: Path) -> None:
    sys.path.insert(0, str(checkout))
    from tests.server import harness  # noqa: PLC0415

    assert Path(harness.__file__).is_relative_to(checkout), harness.__file__
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "data"
        command = Path(scratch) / "parley"
        command.write_text(
            f'#!/bin/sh\nPYTHONPATH={checkout} exec {sys.executable} -m local "$@"\n'
        )
        command.chmod(0o700)
        os.chdir(checkout)
        harness.PARLEY = str(command)
        people = _talk(harness, folder)
        _poison(folder)
        expected = _read(harness, folder, people)
        for name in FILES[:4]:
            _settle(folder / name)
        (folder / "expected.json").write_text(json.dumps(expected, ensure_ascii=False))
        with tarfile.open(target, "w:xz", preset=9) as tar:
            for name in (*FILES, "expected.json"):
                tar.add(folder / name, name)
    print(f"{target}: {target.stat().st_size} bytes")


def _talk(harness: Any, folder: Path) -> dict[str, Any]:
    """Makes people use every command of the protocol; returns them by nickname."""
    with harness.Server(folder) as server:
        people = {name: server.enter(name) for name in ("ann", "bob", "cat", "dan", "eve")}
        ann, bob, cat, dan, eve = (person.connect() for person in people.values())
        ids = {name: person.id for name, person in people.items()}

        ann.ok("create_room", room="lobby", name="Lobby 🛋", kind="public")
        for tab in (bob, cat, dan, eve):
            tab.ok("join", room="lobby")
        said = [ann.ok("post", room="lobby", text=f"hello {i}\nsecond line") for i in range(5)]
        said.append(bob.ok("post", room="lobby", text="a reply", reply_to=said[0]))
        said.append(cat.ok("post", room="lobby", text="shrugs", kind="action"))
        said.append(dan.ok("post", room="lobby", text="@ann look, @bob too"))
        said.append(eve.ok("post", room="lobby", text="what eve wrote"))
        said.append(bob.ok("post", room="lobby", text="a reply to eve", reply_to=said[-1]))
        ann.ok("edit", room="lobby", version=said[1], text="hello again")
        ann.ok("edit", room="lobby", version=said[1], text="hello for the third time")
        ann.ok("delete", room="lobby", version=said[2])
        bob.ok("post", room="lobby", text="a reply to what goes", reply_to=said[3])
        ann.ok("delete", room="lobby", version=said[3])
        for tab, emoji in ((bob, "👍"), (cat, "👍"), (dan, "❤️"), (eve, "🇩🇪")):
            tab.ok("react", room="lobby", version=said[0], emoji=emoji)
        cat.ok("unreact", room="lobby", version=said[0], emoji="👍")
        ann.ok("set_role", room="lobby", user=ids["bob"], role="moderator")
        bob.ok("remove_member", room="lobby", user=ids["cat"])
        dan.ok("leave", room="lobby")
        dan.ok("join", room="lobby")
        dan.ok("read", room="lobby", version=said[4])

        bob.ok("create_room", room="back-room", name="Back room", kind="private")
        bob.ok("add_member", room="back-room", user=ids["ann"], role="owner")
        bob.ok("add_member", room="back-room", user=ids["cat"])
        secret = bob.ok("post", room="back-room", text="between us")
        cat.ok("react", room="back-room", version=secret, emoji="🤫")
        ann.ok("set_role", room="back-room", user=ids["bob"], role="member")
        ann.ok("remove_member", room="back-room", user=ids["cat"])
        ann.ok("read", room="back-room", version=secret)

        cat.ok("create_room", room="news", name="News", kind="broadcast")
        dan.ok("join", room="news")
        news = cat.ok("post", room="news", text="first news")
        assert dan.refused("post", room="news", text="me too") == "forbidden"
        dan.ok("react", room="news", version=news, emoji="🎉")

        dan.ok("create_room", room="long", name="Long", kind="public")
        top = dan.ok("post", room="long", text="tick")
        for i in range(LONG):
            action = "unreact" if i % 2 else "react"
            dan.ok(action, id=f"t{i}", room="long", version=top, emoji="👍")
        dan.ok("post", room="long", text="tock", reply_to=top)

        ann.ok("create_room", room="damaged", name="Damaged", kind="public")
        ann.ok("post", room="damaged", text="before the damage")

        log = folder.parent / "2010-03-04_irc.log.txt"
        log.write_text(LOG)
        server.parley("import", "irc", log, "--room", "irc")
        assert people["cat"].http("DELETE", "/api/session").status == 204
        server.parley("erase", ids["eve"])
        assert not server.faults, server.faults
    return people


def _poison(folder: Path) -> None:
    """Appends an event to a room that no view can fold: consumers park it."""
    with closing(sqlite3.connect(folder / "events.sqlite")) as store:
        (head,) = store.execute(
            "SELECT max(originator_version) FROM stored_events WHERE originator_id='damaged'"
        ).fetchone()
        state = {
            "originator_id": "damaged",
            "originator_version": head + 1,
            "at": "2026-01-01T00:00:00.000000+00:00",
            "recorded_at": "2026-01-01T00:00:00.000000+00:00",
            "by": "u_poison",
            "id": "poison",
            "digest": "",
            "message": [1],
            "text": None,
        }
        store.execute(
            "INSERT INTO stored_events (originator_id, originator_version, topic, state)"
            " VALUES ('damaged',?,'room.message-edited',?)",
            (head + 1, json.dumps(state).encode()),
        )
        store.commit()


def _read(harness: Any, folder: Path, people: dict[str, Any]) -> dict[str, Any]:
    """Returns everything that this commit reads from the folder."""
    with harness.Server(folder) as server:
        harness.until(lambda: server.parley("dead-letters", "list").rows)
        ann = people["ann"]
        ann.server = server
        tab = ann.connect()
        # What was said after the damage is folded.
        tab.ok("post", room="damaged", text="after the damage")
        rooms = [row["room"] for row in ann.get("/api/rooms")["rooms"]]
        read = {
            room: {
                "messages": ann.get(f"/api/rooms/{room}/messages?limit=1000"),
                "members": ann.get(f"/api/rooms/{room}/members?limit=1000"),
            }
            for room in rooms
        }
        listed = ann.get("/api/rooms")
    with closing(sqlite3.connect(folder / "events.sqlite")) as store:
        logs = store.execute("SELECT DISTINCT originator_id FROM stored_events").fetchall()
        snapshots = store.execute(
            "SELECT originator_id, originator_version FROM stored_snapshots"
        ).fetchall()
    assert ("long", 1_000) in snapshots, snapshots
    return {
        "people": {
            name: {"id": person.id, "token": person.token, "name": person.name}
            for name, person in people.items()
        },
        "events": {log: harness.parley(folder, "events", log).rows for (log,) in sorted(logs)},
        "states": _states(folder, [log for (log,) in logs]),
        "views": harness.parley(folder, "views").rows,
        "parked": harness.parley(folder, "dead-letters", "list").rows,
        "read_by_ann": read,
        "rooms_of_ann": listed,
        "snapshots": snapshots,
    }


def _states(folder: Path, logs: list[str]) -> dict[str, Any]:
    """Returns the state on which this commit decides, by log."""
    from local.folder import DataFolder  # noqa: PLC0415

    opened = DataFolder(folder)
    # Of this name in all commits; later ones define it in local/stores.py.
    stores = import_module("local.bootstrap").Stores(opened)
    found = {}
    for log in sorted(logs):
        aggregate: Any = stores.log.read(log)
        found[log] = {"version": aggregate.version, **aggregate.snapshot_state()}
    stores.close()
    opened.close()
    return found


def _settle(file: Path) -> None:
    """Moves the write-ahead log into the file."""
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert not file.with_name(file.name + "-wal").exists()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: old_folder.py CHECKOUT ARCHIVE")
    main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute())
