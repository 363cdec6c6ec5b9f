"""`parley sign-out`: all of a person's sessions end, with a server and without."""

from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.functional.cli.folders import one_line
from tests.server.harness import (
    OPTIONS,
    Party,
    Person,
    Server,
    parley,
    texts,
)


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
