"""`parley erase`: an erased person's words are nowhere."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.functional.cli.folders import one_line
from tests.server.harness import (
    OPTIONS,
    Party,
    Server,
    parley,
)


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


def sqlite_rows(path: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as store:
        return store.execute(statement).fetchall()
