"""The promises of docs/protocol.md over the wire: read marks, typing, presence."""

from typing import Any

from tests.server.harness import Party, Person, versions


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
