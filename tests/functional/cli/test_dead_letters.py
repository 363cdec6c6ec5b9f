"""Events that cannot be folded: they stop no room, and are redriven once mended."""

import json
import sqlite3
from contextlib import closing

import pytest

from tests.functional.cli.folders import (
    COMMON,
    POISON,
    plant,
)
from tests.server.harness import (
    Party,
    Server,
    parley,
    until,
    versions,
)


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
