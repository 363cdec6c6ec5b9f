"""The promises of docs/protocol.md over the wire: rooms, roles, lists of rooms."""

from typing import Any

import pytest

from domain.protocol import answers as wire
from tests.functional.protocol.forms import MOMENT
from tests.server.harness import Party, texts, versions


def test_a_room_begins_with_its_owner(party: Party) -> None:
    ann = party.enter("ann")
    tab = ann.connect()
    room = party.room_id()
    assert tab.ok("create_room", "mk", room=room, name="  Tea & <b>cake</b> ", kind="public") == 2
    created, joined = ann.events(room)
    assert created["type"] == "RoomCreated"
    assert created["data"] == {"name": "Tea & <b>cake</b>", "kind": "public"}
    assert joined["type"] == "MemberJoined"
    assert joined["data"] == {"user": ann.id, "name": ann.name, "role": "owner"}
    for event in (created, joined):
        assert event["by"] == ann.id
        assert event["id"] == "mk"
        assert MOMENT.fullmatch(event["at"])
    other = party.enter("bob").connect()
    assert other.refused("create_room", room=room, name="Mine", kind="public") == "room_exists"


def test_joining_and_leaving(party: Party) -> None:
    room, (ann, _), (tab, _) = party.tabs("ann", "bob")
    cleo = party.enter("cleo")
    reader = cleo.connect(room)
    assert reader.refused("post", room=room, text="hello") == "not_a_member"
    joined = reader.ok("join", room=room)
    assert joined == 4
    assert tab.event(room, joined)["data"] == {
        "user": cleo.id,
        "name": cleo.name,
        "role": "member",
    }
    assert reader.ok("join", room=room) == joined
    tab.ok("post", room=room, text="welcome")
    assert reader.ok("join", room=room) <= 5
    left = reader.ok("leave", room=room)
    assert left == 6
    assert reader.event(room, left)["data"] == {"user": cleo.id, "reason": "left"}
    assert reader.ok("leave", room=room) == left
    assert reader.refused("post", room=room, text="still here") == "not_a_member"
    assert versions(ann.events(room)) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("action", ["join", "leave"])
def test_rooms_that_are_not(party: Party, action: str) -> None:
    assert party.enter("ann").connect().refused(action, room=party.room_id()) == "not_found"


def test_the_last_owner_stays(party: Party) -> None:
    room, (ann, bob), (owner, other) = party.tabs("ann", "bob")
    assert owner.refused("leave", room=room) == "forbidden"
    assert owner.refused("set_role", room=room, user=ann.id, role="member") == "forbidden"
    owner.ok("set_role", room=room, user=bob.id, role="owner")
    owner.ok("set_role", room=room, user=ann.id, role="member")
    owner.ok("leave", room=room)
    other.ok("leave", room=room)
    assert [event["type"] for event in bob.events(room)[3:]] == [
        "RoleChanged",
        "RoleChanged",
        "MemberLeft",
        "MemberLeft",
    ]


def test_roles_admit_and_remove(party: Party) -> None:
    room, (ann, bob, cleo), (owner, moderator, member) = party.tabs("ann", "bob", "cleo")
    dora = party.enter("dora")
    assert member.refused("add_member", room=room, user=dora.id) == "forbidden"
    assert member.refused("remove_member", room=room, user=bob.id) == "forbidden"
    assert member.refused("set_role", room=room, user=cleo.id, role="owner") == "forbidden"
    owner.ok("set_role", room=room, user=bob.id, role="moderator")
    assert moderator.refused("set_role", room=room, user=cleo.id, role="moderator") == "forbidden"
    assert moderator.refused("add_member", room=room, user=dora.id, role="owner") == "forbidden"
    added = moderator.ok("add_member", room=room, user=dora.id, role="moderator")
    assert owner.event(room, added)["data"] == {
        "user": dora.id,
        "name": dora.name,
        "role": "moderator",
    }
    # Nobody of one's own rank or above.
    assert moderator.refused("remove_member", room=room, user=dora.id) == "forbidden"
    assert moderator.refused("remove_member", room=room, user=ann.id) == "forbidden"
    removed = moderator.ok("remove_member", room=room, user=cleo.id)
    assert owner.event(room, removed)["data"] == {"user": cleo.id, "reason": "removed"}
    owner.ok("remove_member", room=room, user=dora.id)
    owner.ok("set_role", room=room, user=bob.id, role="owner")
    owner.ok("remove_member", room=room, user=bob.id)
    unknown = "u_nobodyknows"
    assert owner.refused("add_member", room=room, user=unknown) == "not_found"
    assert owner.refused("set_role", room=room, user=unknown, role="member") == "not_found"
    assert owner.refused("set_role", room=room, user=cleo.id, role="member") == "not_found"


def test_broadcast_rooms_are_for_owners_and_moderators_to_post_in(party: Party) -> None:
    room, (_, bob, _), (owner, other, member) = party.tabs("ann", "bob", "cleo", kind="broadcast")
    message = owner.ok("post", room=room, text="news")
    assert member.refused("post", room=room, text="me too") == "forbidden"
    member.ok("react", room=room, version=message, emoji="👍")
    owner.ok("set_role", room=room, user=bob.id, role="moderator")
    other.ok("post", room=room, text="more news")


def test_a_private_room_is_as_one_that_is_not(party: Party) -> None:
    room, (ann, bob), (owner, member) = party.tabs("ann", "bob", kind="private")
    message = owner.ok("post", room=room, text="a secret")
    eve = party.enter("eve")
    tab = eve.connect()
    nowhere = party.room_id()

    def outside(room: str) -> list[Any]:
        told: list[Any] = []
        for what in ("messages", "events", "members"):
            answer = eve.http("GET", f"/api/rooms/{room}/{what}")
            told.append((answer.status, answer.json))
        told.append(tab.sync({room: None})[room])
        told.append(tab.sync({room: 1})[room])
        commands: list[tuple[str, dict[str, Any]]] = [
            ("join", {}),
            ("leave", {}),
            ("decline", {}),
            ("post", {"text": "hi"}),
            ("edit", {"version": message, "text": "hi"}),
            ("delete", {"version": message}),
            ("react", {"version": message, "emoji": "👍"}),
            ("unreact", {"version": message, "emoji": "👍"}),
            ("read", {"version": 1}),
            ("add_member", {"user": eve.id}),
            ("remove_member", {"user": bob.id}),
            ("set_role", {"user": bob.id, "role": "owner"}),
        ]
        for action, fields in commands:
            refusal = tab.command(action, room=room, **fields)
            told.append((refusal["type"], refusal["code"], refusal["message"]))
        return told

    seen = outside(room)
    assert seen == outside(nowhere)
    assert {told[1] for told in seen[5:]} == {"not_found"}
    assert seen[3] == seen[4] == {"error": "not_found"}
    tab.send("typing", room=room)
    assert room not in eve.rooms() | eve.directory()
    member.ok("post", room=room, text="nobody hears")
    assert tab.so_far() == []
    # An owner may invite them; once they accept, all of it is theirs.
    owner.ok("add_member", room=room, user=eve.id)
    for what in ("messages", "events", "members"):
        assert eve.http("GET", f"/api/rooms/{room}/{what}").status == 404
    assert tab.sync({room: None}) == {room: {"error": "not_found"}}
    tab.ok("join", room=room)
    assert texts(eve.events(room)) == ["a secret", "nobody hears"]
    assert tab.sync({room: None})[room]["snapshot"]["role"] == "member"
    assert versions(ann.events(room)) == list(range(1, 9))


def test_public_rooms_are_read_without_joining(party: Party) -> None:
    room, (ann, _), (tab, _) = party.tabs("ann", "bob")
    tab.ok("post", room=room, text="hello")
    eve = party.enter("eve")
    reader = eve.connect(room)
    assert texts(eve.events(room)) == ["hello"]
    page = eve.get(f"/api/rooms/{room}/messages")
    assert [message["text"] for message in page["messages"]] == ["hello"]
    assert page["people"] == {ann.id: ann.name}
    assert len(eve.get(f"/api/rooms/{room}/members")["members"]) == 2
    version = tab.ok("post", room=room, text="to all")
    assert reader.event(room, version)["data"]["text"] == "to all"
    mine = eve.directory()[room]
    assert room not in eve.rooms()
    assert (mine["role"], mine["unread"], mine["member_count"]) == (None, 0, 2)


def test_the_list_of_rooms(party: Party) -> None:
    room, (ann, bob), (owner, _) = party.tabs("ann", "bob", kind="private")
    version = owner.ok("post", room=room, text="*waves*", kind="action")
    answer = bob.http("GET", "/api/rooms")
    wire.Rooms.model_validate_json(answer.body)
    (mine,) = [found for found in answer.json["rooms"] if found["room"] == room]
    last = mine.pop("last")
    joins = [event for event in bob.events(room) if event["type"] == "MemberJoined"]
    assert mine.pop("joined") == joins[-1]["at"]
    assert mine == {
        "room": room,
        "name": f"Room {room}",
        "kind": "private",
        "role": "member",
        "head": version,
        "member_count": 2,
        "unread": 1,
    }
    assert MOMENT.fullmatch(last.pop("at"))
    assert last == {
        "version": version,
        "by": ann.id,
        "name": ann.name,
        "text": "*waves*",
        "kind": "action",
    }


def test_rooms_come_in_pages(party: Party) -> None:
    room, (ann, _), (tab, _) = party.tabs("ann", "bob")
    rooms = [room, *(f"{room}-{number}" for number in range(4))]
    for one in rooms[1:]:
        tab.ok("create_room", room=one, name=f"Café {one}", kind="broadcast")
    assert list(ann.rooms(limit=2)) == list(ann.rooms()) == rooms
    eve = party.enter("eve")
    assert eve.rooms() == {}
    assert [one for one in eve.directory(limit=1) if one in rooms] == rooms
    assert list(eve.directory(f"CAFE {room}")) == rooms[1:]
    assert list(eve.directory(f"caf\u00e9 {room}-3", limit=1)) == rooms[4:]
    # Once joined, a room is one's own at once.
    eve.connect().ok("join", room=rooms[3])
    assert list(eve.rooms()) == [rooms[3]]
    assert list(eve.directory(f"cafe {room}")) == [rooms[1], rooms[2], rooms[4]]
    answer = eve.http("GET", f"/api/directory?q={room}&limit=1")
    wire.Rooms.model_validate_json(answer.body)
    for path in ("rooms", "directory"):
        for query in ("limit=0", "limit=201", "cursor=", "cursor=x", "cursor=" + "Y" * 101):
            refusal = eve.http("GET", f"/api/{path}?{query}")
            assert (refusal.status, refusal.code) == (422, "invalid"), query
    assert eve.http("GET", "/api/directory?q=" + "x" * 81).code == "invalid"


def test_the_last_message_in_a_list_is_cut(party: Party) -> None:
    room, (ann, _), (tab, _) = party.tabs("ann", "bob")
    tab.ok("post", room=room, text="\U0001f600" * 4_000)
    assert ann.rooms()[room]["last"]["text"] == "\U0001f600" * 200
    assert party.enter("eve").directory(room)[room]["last"]["text"] == "\U0001f600" * 200
