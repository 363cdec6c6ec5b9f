"""`parley events`: the log of a room or a person."""

import pytest

from tests.functional.cli.folders import POISON, one_line, plant
from tests.server.harness import (
    Party,
    Server,
    parley,
    spawned,
    versions,
)


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
