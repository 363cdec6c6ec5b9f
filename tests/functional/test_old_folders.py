"""Data folders that earlier commits wrote open today, fold to the same, and go on.

The archives in tests/fixtures/folders are named by the commit whose code made them
(`git worktree add /tmp/old COMMIT; python tools/old_folder.py /tmp/old ARCHIVE`): its server, its
command line and its test harness wrote a public, a private and a broadcast room, joins, leaves,
removals, roles, messages, actions, replies, edits, deletes, reactions, read marks, an IRC import,
an erased person, an ended session, a parked event, and a room of 1,100 events with a snapshot.
`expected.json` in the archive is what that commit read out of the folder. Later code may know more
fields; the old ones must be as they were.
"""

import json
import sqlite3
import tarfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from local.folder import DataFolder
from local.stores import Stores
from tests.server.harness import Person, Server, parley, texts
from tools.old_folder import LOG, LONG

ARCHIVES = sorted((Path(__file__).parent.parent / "fixtures" / "folders").glob("*.tar.xz"))
FOREVER = 4e9
"""Seconds since the epoch: sessions of the archive lapse 30 days after it was made."""


@pytest.fixture(params=ARCHIVES, ids=lambda path: path.name.split(".")[0])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "data"
    with tarfile.open(request.param) as tar:
        tar.extractall(path, filter="data")
    with closing(sqlite3.connect(path / "accounts.sqlite")) as accounts:
        accounts.execute("UPDATE sessions SET expires=?", (FOREVER,))
        accounts.commit()
    return path


@pytest.fixture
def expected(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "expected.json").read_text())
    return found


@pytest.fixture
def served(folder: Path) -> Iterator[Server]:
    with Server(folder) as server:
        yield server
    # The poisoned event in the archive is reported each time that it is folded.
    assert not [line for line in server.faults if '"error":"TypeError"' not in line]


@pytest.fixture
def people(served: Server, expected: dict[str, Any]) -> dict[str, Person]:
    return {
        name: Person(served, who["token"], who["id"], who["name"])
        for name, who in expected["people"].items()
    }


def assert_has(found: Any, old: Any, where: str = "") -> None:
    """Every field that the old commit knew is there with its old value; there may be more."""
    if isinstance(old, dict):
        assert isinstance(found, dict), where
        for name, value in old.items():
            assert name in found, f"{where}.{name} is gone"
            assert_has(found[name], value, f"{where}.{name}")
    elif isinstance(old, list):
        assert len(found) == len(old), (where, found, old)
        for place, value in enumerate(old):
            assert_has(found[place], value, f"{where}[{place}]")
    else:
        assert found == old, where


def keyed(rows: list[Any]) -> dict[tuple[Any, ...], Any]:
    """Returns rows of `parley views` by what they are about."""
    return {
        (
            row.get("room"),
            row.get("user"),
            row.get("person"),
            row.get("row"),
            row["message"]["version"] if "message" in row else None,
        ): row
        for row in rows
    }


def assert_same_views(folder: Path, expected: dict[str, Any]) -> None:
    found, old = keyed(parley(folder, "views").rows), keyed(expected["views"])
    assert len(old) == len(expected["views"]) > 40
    for key, row in old.items():
        assert key in found, key
        assert_has(found[key], row, str(key))


def test_it_folds_to_the_same_views(folder: Path, expected: dict[str, Any]) -> None:
    assert_same_views(folder, expected)
    assert parley(folder, "dead-letters", "list").rows == expected["parked"]
    # And so does a fold of its log by today's code alone.
    parley(folder, "rebuild")
    assert_same_views(folder, expected)
    (folder / "views.sqlite").unlink()
    assert_same_views(folder, expected)


def test_its_views_are_folded_anew_by_themselves(folder: Path) -> None:
    """Tables of another format are dropped when the file is opened, and the consumers begin anew;
    what folds no views goes on where it was."""
    before = _positions(folder)
    assert min(before.values()) > 0
    opened = DataFolder(folder)
    stores = Stores(opened)
    try:
        assert list(stores.views.dump()) == []
        parked = [(one.consumer, one.stream) for one in stores.progress.parked()]
        assert parked == [("project_views", "damaged")]
    finally:
        stores.close()
        opened.close()
    assert _positions(folder) == {"track_memberships": before["track_memberships"]}
    with closing(sqlite3.connect(folder / "views.sqlite")) as file:
        found = {name for (name,) in file.execute("SELECT name FROM sqlite_master")}
    assert not found & {"messages", "members", "rooms", "people", "marks"}
    # Opened once more it keeps what was folded meanwhile.
    views = parley(folder, "views").lines
    opened = DataFolder(folder)
    stores = Stores(opened)
    assert sum(1 for _ in stores.views.dump()) == len(views) > 40
    stores.close()
    opened.close()


def _positions(folder: Path) -> dict[str, int]:
    with closing(sqlite3.connect(folder / "views.sqlite")) as file:
        return dict(file.execute("SELECT consumer, position FROM positions"))


@pytest.mark.parametrize("snapshots", ["with snapshots", "without snapshots"])
def test_its_aggregates_decide_on_the_same_state(
    folder: Path, expected: dict[str, Any], snapshots: str
) -> None:
    with closing(sqlite3.connect(folder / "events.sqlite")) as store:
        kept = store.execute("SELECT originator_id, originator_version FROM stored_snapshots")
        assert [list(row) for row in kept] == expected["snapshots"] == [["long", 1_000]]
        if snapshots == "without snapshots":
            store.execute("DELETE FROM stored_snapshots")
            store.commit()
    opened = DataFolder(folder)
    stores = Stores(opened)
    try:
        for log, old in expected["states"].items():
            aggregate: Any = stores.log.read(log)
            state = json.loads(json.dumps(aggregate.snapshot_state()))
            assert_has({"version": aggregate.version, **state}, old, log)
    finally:
        stores.close()
        opened.close()


def test_its_logs_read_as_before(folder: Path, expected: dict[str, Any]) -> None:
    """Every event in order, who, when and what; texts by how they stand in the folded views,
    since a log may withhold what was deleted or edited."""
    for log, old in expected["events"].items():
        found = parley(folder, "events", log).rows
        for event in (*found, *old):
            if event["type"] in ("MessagePosted", "MessageEdited"):
                event["data"].pop("text")
        assert_has(found, old, log)


def test_its_rooms_read_as_before(
    people: dict[str, Person], expected: dict[str, Any], served: Server
) -> None:
    ann = people["ann"]
    for room, old in expected["read_by_ann"].items():
        path = f"/api/rooms/{room}/messages?limit=1000"
        # Its views are being folded anew; until they are past an event that cannot be read, the
        # room is busy.
        until = time.monotonic() + 20
        while (answer := ann.http("GET", path)).status == 503 and time.monotonic() < until:
            assert answer.json["error"]["code"] == "room_busy"
        assert_has(ann.get(path), old["messages"], room)
        assert_has(ann.get(f"/api/rooms/{room}/members?limit=1000"), old["members"], room)
    listed = {row["room"]: row for row in ann.get("/api/rooms")["rooms"]}
    own = [row for row in expected["rooms_of_ann"]["rooms"] if row["role"] is not None]
    assert len(own) == 3
    for row in own:
        assert_has(listed[row["room"]], row, row["room"])
    # Who was erased is, who logged out is out, and the rest have their sessions.
    assert {name: person.http("GET", "/api/session").status for name, person in people.items()} == {
        "ann": 200,
        "bob": 200,
        "cat": 401,
        "dan": 200,
        "eve": 401,
    }
    assert people["bob"].http("GET", "/api/rooms/back-room/messages").status == 200
    assert people["dan"].http("GET", "/api/rooms/back-room/messages").status == 404
    # A nickname is its holder's still.
    assert served.http("POST", "/api/session", {"nickname": "bob"}).status == 409


def test_it_goes_on_and_nothing_is_lost(
    people: dict[str, Person], expected: dict[str, Any], served: Server, folder: Path
) -> None:
    ann, bob, dan = people["ann"], people["bob"], people["dan"]
    heads = {log: state["version"] for log, state in expected["states"].items()}
    tab, other, ticking = ann.connect("lobby"), bob.connect("lobby"), dan.connect("long")
    posted = tab.ok("post", room="lobby", text="written later")
    assert posted == heads["lobby"] + 1
    assert other.event("lobby", posted)["data"]["text"] == "written later"
    # An old message is edited, answered and reacted to.
    old = next(
        message["version"]
        for message in expected["read_by_ann"]["lobby"]["messages"]["messages"]
        if message["by"] == ann.id and not message["deleted"]
    )
    assert tab.ok("edit", room="lobby", version=old, text="edited later") == posted + 1
    assert other.ok("post", room="lobby", text="to the old", reply_to=old) == posted + 2
    assert other.ok("react", room="lobby", version=old, emoji="🎈") == posted + 3
    assert tab.ok("read", room="lobby", version=posted + 3) == posted + 3
    # The room with a snapshot: the next event follows, and a command of 1,100 events ago that
    # is repeated adds nothing.
    assert ticking.ok("post", room="long", text="on") == heads["long"] + 1 == LONG + 5
    assert ticking.ok("react", id="t0", room="long", version=3, emoji="👍", since=3) == 4
    assert ticking.ok("react", id="t1098", room="long", version=3, emoji="👍") == 1_102
    assert tab.ok("post", room="damaged", text="beside the damage") == heads["damaged"] + 1
    new = "new-222222222222"
    tab.ok("create_room", room=new, name="New", kind="private")
    served.restart()

    for person in people.values():
        person.server = served
    messages = ann.get("/api/rooms/lobby/messages?limit=1000")["messages"]
    before = expected["read_by_ann"]["lobby"]["messages"]["messages"]
    assert [message["version"] for message in messages] == [
        *(message["version"] for message in before),
        posted,
        posted + 2,
    ]
    for found, known in zip(messages, before, strict=False):
        if known["version"] == old:
            assert found["text"] == "edited later"
            assert found["reactions"] == {**known["reactions"], "🎈": [bob.id]}
        else:
            assert_has(found, known)
    assert [message["text"] for message in messages[-2:]] == ["written later", "to the old"]
    row = next(row for row in ann.get("/api/rooms")["rooms"] if row["room"] == "lobby")
    assert (row["head"], row["unread"]) == (posted + 3, 0)
    assert texts(ann.events("lobby", posted - 1)) == ["written later", "to the old"]
    assert ann.connect(new).ok("post", room=new, text="in a new room") == 3
    assert {row["stream"] for row in served.parley("dead-letters", "list").rows} == {"damaged"}
    views = served.parley("views").lines
    served.parley("rebuild")
    assert served.parley("views").lines == views


def test_its_import_is_known_and_its_erased_stay_erased(
    folder: Path, expected: dict[str, Any]
) -> None:
    log = folder.parent / "2010-03-04_irc.log.txt"
    log.write_text(LOG)
    said = parley(folder, "import", "irc", log, "--room", "irc").lines[-1]
    assert said == "6 lines read, 0 events added, 1 file was in already"
    eve = expected["people"]["eve"]["id"]
    # Erasing announces itself today, which it did not then: once more, and it has.
    parley(folder, "erase", eve)
    assert parley(folder, "erase", eve).lines == [f"{eve} was erased before"]
    hers = [event for event in parley(folder, "events", "lobby").rows if event["by"] == eve]
    assert len([event for event in hers if event["type"] == "MessagePosted"]) == 1
    assert [event["data"]["text"] for event in hers if "text" in event["data"]] == [None]
    assert parley(folder, "sign-out", expected["people"]["bob"]["id"]).lines[-1].count("1 session")
