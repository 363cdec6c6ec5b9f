"""The promises of docs/protocol.md about people, rooms and messages, over the wire."""

import re
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from domain.protocol import answers as wire
from functions.routes import load
from tests.server.harness import OPTIONS, Party, Person, Socket, pushed, texts, versions

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")


# Entering


def test_entering_gives_a_token_and_a_person(party: Party) -> None:
    ann = party.enter("ann")
    assert re.fullmatch(r"u_[a-z2-7]{13}", ann.id)
    assert ann.get("/api/session") == {"id": ann.id, "name": ann.name}


def test_a_nickname_in_use_is_taken(party: Party) -> None:
    ann = party.enter("ann")
    for nickname in (ann.name, ann.name.upper(), f"  {ann.name} "):
        again = party.server.http("POST", "/api/session", {"nickname": nickname})
        assert (again.status, again.code) == (409, "nickname_taken"), nickname


def test_the_holder_of_the_token_comes_back(party: Party) -> None:
    ann, bob = party.enter("ann"), party.enter("bob")
    again = ann.http("POST", "/api/session", {"nickname": ann.name})
    assert again.status == 201
    wire.Entered.model_validate_json(again.body)
    assert again.json["user"] == {"id": ann.id, "name": ann.name}
    assert party.server.http("GET", "/api/session", token=again.json["token"]).status == 200
    # Somebody else's token does not open it.
    assert bob.http("POST", "/api/session", {"nickname": ann.name}).code == "nickname_taken"


def test_logging_out_closes_sockets_and_frees_the_nickname(party: Party) -> None:
    ann, bob = party.enter("ann"), party.enter("bob")
    tabs, other = [ann.connect(), ann.connect()], bob.connect()
    unused = ann.ticket()
    gone = ann.http("DELETE", "/api/session")
    assert (gone.status, gone.body) == (204, b"")
    assert [tab.close_code() for tab in tabs] == [4401, 4401]
    assert ann.http("GET", "/api/session").code == "unauthenticated"
    assert ann.http("POST", "/api/tickets").status == 401
    assert ann.http("DELETE", "/api/session").status == 401
    again = party.server.enter(ann.name)
    assert again.id != ann.id
    assert other.so_far() == []
    with pytest.raises(InvalidStatus):
        connect(unused, **OPTIONS)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"nickname": ""},
        {"nickname": "   "},
        {"nickname": "x" * 33},
        {"nickname": "two\nlines"},
        {"nickname": "tab\there"},
        {"nickname": "bell\x07"},
        {"nickname": "\ufffe"},
        {"nickname": 7},
        {"nickname": None},
        {"nickname": ["ann"]},
        {"nickname": "ann", "admin": True},
        [],
        "ann",
        None,
    ],
)
def test_bad_nicknames(party: Party, body: Any) -> None:
    answer = party.server.http("POST", "/api/session", body)
    assert (answer.status, answer.code) == (422, "invalid")


# Tickets


def test_a_ticket_opens_one_socket(party: Party) -> None:
    url = party.enter("ann").ticket()
    assert url.startswith(f"ws://127.0.0.1:{party.server.port}/ws?ticket=")
    with connect(url, **OPTIONS) as socket:
        Socket(socket).so_far()
    with pytest.raises(InvalidStatus) as refused:
        connect(url, **OPTIONS)
    assert refused.value.response.status_code == 401


def test_ping(party: Party) -> None:
    tab = party.enter("ann").connect()
    tab.connection.send('{"action":"ping"}')
    assert tab.receive() == {"type": "pong"}
    tab.send("ping", id="p1")
    assert tab.receive() == {"type": "pong"}


def test_a_pong_names_what_the_client_lacks(party: Party) -> None:
    room, _, (_, tab) = party.tabs("ann", "bob")
    version = tab.ok("post", room=room, text="hello")
    private = party.room_id()
    tab.ok("create_room", room=private, name="Den", kind="private")
    stranger = party.enter("cleo").connect()
    asked = {room: version - 1, private: 0, "nowhere": 0}
    stranger.send("ping", rooms=asked)
    assert stranger.receive() == {"type": "pong", "heads": {room: version}}
    stranger.send("ping", rooms={room: version})
    assert stranger.receive() == {"type": "pong", "heads": {}}
    stranger.send("ping", user=0)
    assert stranger.receive()["user"] >= 2


# Rooms


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


# Messages


def test_posting_reaches_every_tab(party: Party) -> None:
    room, (ann, _), (tab, other) = party.tabs("ann", "bob")
    second = ann.connect(room)
    version = tab.ok(
        "post", "p1", room=room, text="  <script>alert(1)</script> \u202e\n\tüñí 👩‍🚀 "
    )
    for hearer in (tab, second, other):
        event = hearer.event(room, version)
        assert event["by"] == ann.id
        assert event["id"] == "p1"
        assert MOMENT.fullmatch(event["at"])
        assert (
            event["data"]
            == {
                "text": "  <script>alert(1)</script> \u202e\n\tüñí 👩‍🚀 ",
                "kind": "text",
                "n": 1,
                "reply_to": None,
            }
            or event["data"].pop("reply_to", None) is None
        )
        assert hearer.next("events", room=room)["people"] == {ann.id: ann.name}


def test_edit_delete_react_and_reply(party: Party) -> None:
    room, (ann, bob), (tab, other) = party.tabs("ann", "bob")
    first = tab.ok("post", room=room, text="frist")
    edited = tab.ok("edit", room=room, version=first, text="first")
    assert other.event(room, edited)["data"] == {"message": first, "text": "first"}
    reply = other.ok("post", room=room, text="second", reply_to=first)
    assert tab.event(room, reply)["data"]["reply_to"] == first
    reacted = other.ok("react", room=room, version=first, emoji="👍🏽")
    assert other.ok("react", room=room, version=first, emoji="👍🏽") >= reacted
    tab.ok("react", room=room, version=first, emoji="👍🏽")
    tab.ok("react", room=room, version=first, emoji="❤️")
    taken = tab.ok("unreact", room=room, version=first, emoji="❤️")
    assert tab.ok("unreact", room=room, version=first, emoji="❤️") == taken
    doomed = tab.ok("post", room=room, text="oops")
    deleted = tab.ok("delete", room=room, version=doomed)
    assert other.event(room, deleted)["data"] == {"message": doomed}

    page = bob.http("GET", f"/api/rooms/{room}/messages")
    wire.Messages.model_validate_json(page.body)
    told, answered, gone = page.json["messages"]
    assert told.pop("edited_at") == ann.events(room)[edited - 1]["at"]
    assert MOMENT.fullmatch(told.pop("at"))
    assert told == {
        "version": first,
        "by": ann.id,
        "text": "first",
        "kind": "text",
        "n": 1,
        "reply_to": None,
        "deleted": False,
        "reactions": {"👍🏽": [bob.id, ann.id]},
    }
    assert (answered["reply_to"], answered["n"]) == (first, 2)
    assert (gone["text"], gone["deleted"], gone["n"]) == (None, True, 3)
    assert page.json["people"] == {ann.id: ann.name, bob.id: bob.name}
    assert versions(ann.events(room)) == list(range(1, deleted + 1))


def test_what_one_may_not_do_to_a_message(party: Party) -> None:
    room, (_, bob, _), (owner, moderator, member) = party.tabs("ann", "bob", "cleo")
    owner.ok("set_role", room=room, user=bob.id, role="moderator")
    theirs = owner.ok("post", room=room, text="mine")
    assert member.refused("edit", room=room, version=theirs, text="yours") == "forbidden"
    assert moderator.refused("edit", room=room, version=theirs, text="yours") == "forbidden"
    assert member.refused("delete", room=room, version=theirs) == "forbidden"
    moderator.ok("delete", room=room, version=theirs)
    for action, fields in (
        ("edit", {"text": "back"}),
        ("delete", {}),
        ("react", {"emoji": "👍"}),
    ):
        assert owner.refused(action, room=room, version=theirs, **fields) == "invalid"
    assert owner.refused("post", room=room, text="re", reply_to=theirs) == "invalid"
    for version in (1, 2, 2**53 - 1):
        assert owner.refused("edit", room=room, version=version, text="x") == "not_found"
        assert owner.refused("delete", room=room, version=version) == "not_found"
        assert owner.refused("react", room=room, version=version, emoji="👍") == "not_found"
        assert owner.refused("post", room=room, text="re", reply_to=version) == "not_found"


def test_thirty_two_emoji_are_enough(party: Party) -> None:
    room, _, (tab, other) = party.tabs("ann", "bob")
    version = tab.ok("post", room=room, text="react!")
    for point in range(0x1F600, 0x1F620):
        tab.ok("react", room=room, version=version, emoji=chr(point))
    assert tab.refused("react", room=room, version=version, emoji="🚀") == "invalid"
    other.ok("react", room=room, version=version, emoji=chr(0x1F600))
    tab.ok("unreact", room=room, version=version, emoji=chr(0x1F601))
    tab.ok("react", room=room, version=version, emoji="🚀")


def test_four_thousand_code_points(party: Party) -> None:
    room, _, (tab, other) = party.tabs("ann", "bob")
    for text in ("a" * 4_000, "🚀" * 4_000):
        version = tab.ok("post", room=room, text=text)
        assert other.event(room, version)["data"]["text"] == text
        assert tab.refused("post", room=room, text=text + "a") == "too_large"
        assert tab.refused("edit", room=room, version=version, text=text + "a") == "too_large"


# Read marks


def unread(person: Person, room: str) -> int:
    found = person.rooms()[room]["unread"]
    return int(found)


def test_read_marks_over_two_tabs(party: Party) -> None:
    room, (_, bob), (tab, first) = party.tabs("ann", "bob")
    second = bob.connect(room)
    posted = [tab.ok("post", room=room, text=f"message {i}") for i in range(5)]
    assert unread(bob, room) == 5
    first.so_far()
    assert first.ok("read", room=room, version=posted[2]) == posted[2]
    for hearer in (first, second):
        own = hearer.next("user")
        marks = [event for event in own["events"] if event["type"] == "ReadMarked"]
        while not marks:
            own = hearer.next("user")
            marks = [event for event in own["events"] if event["type"] == "ReadMarked"]
        assert marks[0]["data"] == {"room": room, "version": posted[2]}
        assert own["version"] == own["events"][-1]["version"]
    # It is nobody else's business.
    assert "ReadMarked" not in str(tab.so_far())
    assert unread(bob, room) == 2
    assert bob.connect().sync({room: None})[room]["snapshot"]["unread"] == 2
    # A mark does not move back, nor past the head.
    first.ok("read", room=room, version=posted[0])
    assert unread(bob, room) == 2
    assert first.refused("read", room=room, version=posted[-1] + 1) == "invalid"
    # Posting moves one's own.
    second.ok("post", room=room, text="read them all")
    assert unread(bob, room) == 0
    tab.ok("post", room=room, text="one more")
    assert unread(bob, room) == 1


def test_a_snapshot_counts_what_was_acknowledged_before(party: Party) -> None:
    room, (_, bob), (tab, other) = party.tabs("ann", "bob")
    reader = bob.connect()
    for i in range(20):
        version = tab.ok("post", room=room, text=f"message {i}")
        other.ok("read", room=room, version=version)
        assert reader.sync({room: None})[room]["snapshot"]["unread"] == 0, i


def test_ones_own_log(party: Party) -> None:
    room, (_, bob), (owner, tab) = party.tabs("ann", "bob")
    version = owner.ok("post", room=room, text="hello")
    tab.ok("read", room=room, version=version)
    owner.ok("set_role", room=room, user=bob.id, role="moderator")
    owner.ok("remove_member", room=room, user=bob.id)
    seen: list[Any] = []
    while not seen or seen[-1]["type"] != "RoomLost":
        seen += tab.next("user")["events"]
    fresh = bob.connect()
    id = fresh.send("sync", rooms={}, user=0)
    log: list[Any] = []
    while (frame := fresh.receive())["type"] == "user":
        log += frame["events"]
    assert frame == {"type": "synced", "id": id, "rooms": {}}
    assert versions(log) == list(range(1, len(log) + 1))
    # The room's events reach a person's log a moment later: a mark may stand anywhere between.
    assert [event["type"] for event in log if event["type"] != "ReadMarked"] == [
        "PersonRegistered",
        "SessionStarted",
        "RoomGained",
        "RoomGained",
        "RoomLost",
    ]
    assert log[0]["data"] == {"name": bob.name}
    assert [e["data"]["role"] for e in log if e["type"] == "RoomGained"] == ["member", "moderator"]
    assert log[len(log) - len(seen) :] == seen
    # From the head there is no news.
    (none,) = fresh.synced({}, user=len(log))
    assert none["rooms"] == {}
    assert fresh.so_far() == []


# Typing and presence


def test_typing_goes_to_the_others_of_the_room(party: Party) -> None:
    room, (ann, _), (tab, other) = party.tabs("ann", "bob")
    eve = party.enter("eve")
    reader = eve.connect(room)
    elsewhere = eve.connect()
    tab.connection.send(f'{{"action":"typing","room":"{room}"}}')
    for hearer in (other, reader):
        assert hearer.next("typing") == {"type": "typing", "room": room, "user": ann.id}
    reader.send("typing", room=room)
    reader.send("typing", room=party.room_id())
    reader.so_far()
    assert [f for t in (tab, other, elsewhere) for f in t.so_far() if f["type"] == "typing"] == []


def test_presence_at_the_first_tab_only(party: Party) -> None:
    room, (ann, bob), (tab, _) = party.tabs("ann", "bob")
    cleo = party.enter("cleo")
    unsynced = cleo.connect()
    assert [f for f in tab.so_far() if f["type"] == "presence"] == []
    answer = unsynced.sync({room: None})[room]
    assert sorted(answer["online"]) == sorted([ann.id, bob.id, cleo.id])
    online = {"type": "presence", "room": room, "user": cleo.id, "state": "online"}
    assert tab.next("presence") == online
    second = cleo.connect(room)
    assert [f for f in unsynced.so_far() + tab.so_far() if f["type"] == "presence"] == []
    # They are gone only 30 s after the last tab closed.
    unsynced.close()
    second.close()
    version = tab.ok("post", room=room, text="quiet here")
    tab.event(room, version)
    assert [f for f in tab.so_far() if f["type"] == "presence"] == []


# Names of authors


def test_a_new_writers_name_is_told_at_once(party: Party) -> None:
    room, _, (tab, _) = party.tabs("ann", "bob")
    for i in range(10):
        new = party.enter(f"new {i}")
        writer = new.connect()
        joined = writer.ok("join", room=room)
        version = writer.ok("post", room=room, text="I am new")
        known = {new.id: new.name}
        assert tab.sync({room: joined})[room]["people"] == known, "sync, events"
        page = new.get(f"/api/rooms/{room}/messages?limit=1")
        assert page["people"] == known, "messages"
        tab.event(room, version)
        (pushes,) = [f for f in tab.so_far() if version in versions(list(pushed([f], room)))]
        assert pushes["people"] == known, "pushed"


def test_a_new_writers_name_is_in_a_snapshot_at_once(party: Party) -> None:
    room, (_, bob), _ = party.tabs("ann", "bob")
    reader = bob.connect()
    for i in range(10):
        new = party.enter(f"new {i}")
        writer = new.connect()
        writer.ok("join", room=room)
        writer.ok("post", room=room, text="I am new")
        snapshot = reader.sync({room: None})[room]["snapshot"]
        authors = {message["by"] for message in snapshot["messages"]}
        assert set(snapshot["people"]) == authors
        assert snapshot["people"][new.id] == new.name


# Pages


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
