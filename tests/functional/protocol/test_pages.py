"""The promises of docs/protocol.md over the wire: pages, and what the routes take."""

import pytest

from domain.protocol import answers as wire
from functions.routes import load
from tests.server.harness import Party, versions


def test_pages_of_messages(party: Party) -> None:
    room, (ann, _), (tab, _) = party.tabs("ann", "bob")
    posted = [tab.ok("post", room=room, text=f"message {i}") for i in range(60)]
    tab.ok("edit", room=room, version=posted[30], text="changed")

    def page(query: str = "") -> list[int]:
        return versions(ann.get(f"/api/rooms/{room}/messages{query}")["messages"])

    assert page() == posted[-50:]
    assert page("?limit=1") == posted[-1:]
    assert page("?limit=1000") == posted
    assert page(f"?before={posted[10]}") == posted[:10]
    assert page(f"?before={posted[40]}&limit=7") == posted[33:40]
    assert page(f"?before={posted[0]}") == []
    assert page("?before=1") == []


def test_pages_of_events(party: Party) -> None:
    room, (ann, _), (tab, _) = party.tabs("ann", "bob")
    for i in range(120):
        tab.ok("post", room=room, text=f"message {i}")

    def page(query: str = "") -> list[int]:
        answer = ann.http("GET", f"/api/rooms/{room}/events{query}")
        wire.EventList.model_validate_json(answer.body)
        return versions(answer.json["events"])

    assert page() == list(range(1, 101))
    assert page("?after=100") == list(range(101, 124))
    assert page("?after=3&limit=2") == [4, 5]
    assert page("?after=123") == []
    assert page("?after=9999") == []
    assert page("?limit=1000") == list(range(1, 124))


def test_pages_of_members(party: Party) -> None:
    room, (ann, bob), (tab, _) = party.tabs("ann", "bob")
    people = [ann, bob]
    for i in range(7):
        people.append(party.enter(f"member {i}"))
        tab.ok("add_member", room=room, user=people[-1].id)
    tab.ok("remove_member", room=room, user=bob.id)
    tab.ok("set_role", room=room, user=people[2].id, role="moderator")
    ids = sorted(person.id for person in people if person is not bob)

    def page(query: str) -> list[str]:
        answer = ann.http("GET", f"/api/rooms/{room}/members{query}")
        wire.Members.model_validate_json(answer.body)
        return [member["user"] for member in answer.json["members"]]

    assert page("") == ids
    assert page("?limit=3") == ids[:3]
    assert page(f"?after={ids[2]}&limit=3") == ids[3:6]
    assert page(f"?after={ids[-1]}") == []
    rows = {row["user"]: row for row in ann.get(f"/api/rooms/{room}/members")["members"]}
    assert rows[people[2].id] == {
        "user": people[2].id,
        "name": people[2].name,
        "role": "moderator",
    }
    assert rows[ann.id]["role"] == "owner"


def test_pages_of_members_are_whole_however_late_the_views(party: Party) -> None:
    """Page by page, while people come: nobody who was in before the first page is missed."""
    room, (ann, bob), (tab, _) = party.tabs("ann", "bob")
    known = {ann.id, bob.id}
    for i in range(8):
        new = party.enter(f"late {i}")
        tab.ok("add_member", room=room, user=new.id)
        known.add(new.id)
        found: list[str] = []
        after = ""
        while True:
            page = ann.get(f"/api/rooms/{room}/members?after={after}&limit=2")["members"]
            if not page:
                break
            found += [row["user"] for row in page]
            after = found[-1]
        assert found == sorted(known)


@pytest.mark.parametrize(
    "query",
    [
        "messages?limit=0",
        "messages?limit=1001",
        "messages?limit=-1",
        "messages?limit=ten",
        "messages?limit=",
        "messages?limit=1.5",
        "messages?before=0",
        "messages?before=-5",
        "messages?before=9007199254740992",
        "messages?before=" + "9" * 400,
        "events?limit=0",
        "events?limit=1001",
        "events?after=-1",
        "events?after=x",
        "members?limit=0",
        "members?limit=1001",
        "members?after=" + "x" * 41,
    ],
)
def test_pages_out_of_bounds(party: Party, query: str) -> None:
    ann = party.enter("ann")
    room = party.room(ann.connect())
    answer = ann.http("GET", f"/api/rooms/{room}/{query}")
    assert (answer.status, answer.code) == (422, "invalid")


def test_openapi_lists_the_routes(party: Party) -> None:
    answer = party.server.http("GET", "/api/openapi.json")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    paths = answer.json["paths"]
    served = {(route.method.lower(), route.path) for route in load().routes}
    assert {(method, path) for path in paths for method in paths[path]} == served
    assert ("get", "/api/rooms/{room}/messages") in served
    health = party.server.http("GET", "/healthz")
    assert (health.status, health.json["status"]) == (200, "ok")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/session"),
        ("DELETE", "/api/session"),
        ("POST", "/api/tickets"),
        ("GET", "/api/rooms"),
        ("GET", "/api/invitations"),
        ("GET", "/api/directory"),
        ("GET", "/api/rooms/general/messages"),
        ("GET", "/api/rooms/general/events"),
        ("GET", "/api/rooms/general/members"),
    ],
)
def test_calls_need_a_token(party: Party, method: str, path: str) -> None:
    for token in (None, "", "garbage", "x" * 5_000, "u_4k2j7q9x3m5pa"):
        answer = party.server.http(method, path, token=token)
        assert (answer.status, answer.code) == (401, "unauthenticated"), token
