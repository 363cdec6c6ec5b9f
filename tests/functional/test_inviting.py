"""An invitation over the wire, from asking to joining, and to declining."""

from domain.protocol import answers as wire
from tests.server.harness import Party, texts


def test_an_invitation_is_pushed_listed_and_accepted(party: Party) -> None:
    ann, bob = party.enter("ann"), party.enter("bob")
    owner, guest = ann.connect(), bob.connect()
    room = party.room(owner, "private")
    owner.ok("post", room=room, text="before")
    owner.ok("add_member", room=room, user=bob.id, role="moderator")
    frame = guest.next("user")
    while frame["events"][-1]["type"] != "RoomOffered":
        frame = guest.next("user")
    answer = bob.http("GET", "/api/invitations")
    wire.Invitations.model_validate_json(answer.body)
    (pending,) = answer.json["invitations"]
    assert (pending["room"], pending["name"], pending["by"]) == (room, f"Room {room}", ann.id)
    assert (pending["by_name"], pending["role"]) == (ann.name, "moderator")
    assert ann.get(f"/api/rooms/{room}/members")["invited"] == [
        {"user": bob.id, "name": bob.name, "role": "moderator"}
    ]
    assert bob.http("GET", f"/api/rooms/{room}/messages").status == 404
    guest.ok("join", room=room)
    assert texts(bob.events(room)) == ["before"]
    while frame["events"][-1]["type"] != "RoomGained":
        frame = guest.next("user")
    assert bob.get("/api/invitations") == {"invitations": []}


def test_who_declined_is_not_asked_again(party: Party) -> None:
    ann, bob = party.enter("ann"), party.enter("bob")
    owner, guest = ann.connect(), bob.connect()
    room = party.room(owner, "private")
    owner.ok("add_member", room=room, user=bob.id)
    guest.ok("decline", room=room)
    assert guest.refused("decline", room=room) == "not_found"
    assert owner.refused("add_member", room=room, user=bob.id) == "forbidden"
    assert owner.refused("create_room", room="short", name="Short", kind="private") == "invalid"
