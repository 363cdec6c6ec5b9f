"""Who is added at once and who is asked first, over all the use cases.

Over 300 lines: one world of people, in which each way of being invited is tried.
"""

from typing import Any

import pytest

from domain.chat import Chat
from domain.chat.inviting import Inviting
from domain.errors import NotFound
from domain.inviting import LOST, REST
from domain.person.invitations import MAX_OFFERS_BY
from domain.person.person import Person
from domain.protocol.answers import Invitations, Members
from domain.room.invitations import Invitations as Pending
from tests.support.chat import Clock, Someone, admit, memory_chat, person, run_consumers

DEN, NOOK = "den-222222222222", "nook-222222222222"


class World:
    """Ann owns the den (private) and the lobby (public); Bob and Cy are strangers."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.chat: Chat = memory_chat(clock=self.clock)
        self.ann, self.bob, self.cy = (person(self.chat, name) for name in ("ann", "bob", "cy"))
        self.create(self.ann, DEN)
        self.create(self.ann, "lobby", "public")

    def create(self, who: Someone, room: str, kind: str = "private") -> None:
        who.send(action="create_room", room=room, name=f"The {room}", kind=kind)
        run_consumers(self.chat)
        who.frames()

    def do(self, who: Someone, action: str, room: str, **fields: Any) -> str:
        """Sends a command; returns `ack` or the code of the refusal."""
        who.frames()
        (answer,) = who.send(action=action, room=room, **fields)
        run_consumers(self.chat)
        return str(answer.get("code", answer["type"]))

    def add(self, who: Someone, room: str, other: Someone, **fields: Any) -> str:
        return self.do(who, "add_member", room, user=other.user, **fields)

    def last(self, room: str) -> str:
        return type(self.chat.services.log.events(room)[-1]).__name__

    def pending(self, who: Someone) -> list[dict[str, Any]]:
        answer = self.chat.inviting.pending(who.user)
        Invitations.model_validate(answer)
        found: list[dict[str, Any]] = answer["invitations"]
        return found

    def rooms(self, who: Someone) -> list[str]:
        return [pending["room"] for pending in self.pending(who)]

    def wait(self) -> None:
        self.clock.wait(REST.total_seconds())


def test_a_stranger_sees_who_invites_them_and_nothing_of_the_room() -> None:
    world = World()
    world.bob.frames()
    assert world.add(world.ann, DEN, world.bob, role="moderator") == "ack"
    (frame,) = world.bob.frames()
    assert (frame["type"], [event["type"] for event in frame["events"]]) == (
        "user",
        ["RoomOffered"],
    )
    assert frame["events"][0]["data"] == {"room": DEN, "role": "moderator", "room_version": 3}
    (pending,) = world.pending(world.bob)
    assert pending.pop("at") == world.chat.services.log.events(DEN)[-1].at
    assert pending == {
        "room": DEN, "name": f"The {DEN}", "kind": "private", "by": "u_ann", "by_name": "ann",
        "role": "moderator", "version": 3,
    }  # fmt: skip
    reading = world.chat.reading
    with pytest.raises(NotFound):
        reading.messages(DEN, "u_bob", None, 10)
    with pytest.raises(NotFound):
        reading.events(DEN, "u_bob", 0, 10)
    with pytest.raises(NotFound):
        reading.members(DEN, "u_bob", "", 10)
    assert world.bob.send(action="sync", rooms={DEN: None})[-1]["rooms"] == {
        DEN: {"error": "not_found"}
    }
    world.ann.send(action="post", room=DEN, text="hello")
    run_consumers(world.chat)
    assert world.bob.frames() == []


@pytest.mark.parametrize("folded", [True, False])
def test_the_invited_are_listed(folded: bool) -> None:
    world = World()
    world.ann.send(action="add_member", room=DEN, user="u_bob")
    world.ann.send(action="add_member", room=DEN, user="u_cy", role="moderator")
    if folded:
        run_consumers(world.chat)
    answer = world.chat.reading.members(DEN, "u_ann", "", 10)
    Members.model_validate(answer)
    assert [member["user"] for member in answer["members"]] == ["u_ann"]
    assert answer["invited"] == [
        {"user": "u_bob", "name": "bob", "role": "member"},
        {"user": "u_cy", "name": "cy", "role": "moderator"},
    ]
    assert "invited" not in world.chat.reading.members(DEN, "u_ann", "u_ann", 10)


def test_whoever_reads_an_open_room_sees_its_invitations_wherever_they_look() -> None:
    world = World()
    world.add(world.ann, "lobby", world.bob)
    world.do(world.bob, "leave", "lobby")
    world.cy.sync(lobby=5)
    world.ann.send(action="add_member", room="lobby", user="u_bob")
    run_consumers(world.chat)
    (pushed,) = world.cy.frames()
    (missed,) = world.cy.sync(lobby=4)
    page = world.chat.reading.events("lobby", "u_cy", 4, 10)
    data = {"user": "u_bob", "name": "bob", "role": "member"}
    for events in (pushed["events"], missed["rooms"]["lobby"]["events"], page["events"]):
        assert [(event["type"], event["data"]) for event in events] == [("MemberInvited", data)]
    assert world.chat.reading.members("lobby", "u_cy", "", 10)["invited"] == [data]


def test_accepting() -> None:
    world = World()
    world.add(world.ann, DEN, world.bob, role="moderator")
    assert world.do(world.bob, "join", DEN) == "ack"
    assert world.pending(world.bob) == []
    answer = world.chat.reading.members(DEN, "u_bob", "", 10)
    assert [(one["user"], one["role"]) for one in answer["members"]] == [
        ("u_ann", "owner"), ("u_bob", "moderator"),
    ]  # fmt: skip
    assert answer["invited"] == []


def test_who_shares_a_private_room_is_added_at_once() -> None:
    world = World()
    admit(world.ann, world.bob, DEN)
    world.create(world.bob, NOOK)
    assert world.add(world.bob, NOOK, world.ann) == "ack"
    assert world.last(NOOK) == "MemberJoined"
    # Bob left the den meanwhile: nothing is shared but the nook.
    world.do(world.bob, "remove_member", NOOK, user="u_ann")
    world.do(world.bob, "leave", DEN)
    world.create(world.bob, "attic-222222222222")
    world.add(world.bob, "attic-222222222222", world.ann)
    assert world.last("attic-222222222222") == "MemberInvited"


def test_sharing_an_open_room_makes_nobody_known() -> None:
    world = World()
    world.do(world.bob, "join", "lobby")
    world.add(world.ann, DEN, world.bob)
    assert world.last(DEN) == "MemberInvited"


@pytest.mark.parametrize("forgotten", [False, True])
def test_who_left_a_public_room_is_asked_again(forgotten: bool) -> None:
    world = World()
    world.add(world.ann, "lobby", world.bob)
    world.do(world.bob, "leave", "lobby")
    if forgotten:
        # The room's own memory is bounded: the person's log knows it for good.
        room: Any = world.chat.services.log.load("lobby")
        room.part(Pending).gone.clear()
    world.add(world.ann, "lobby", world.bob)
    assert world.last("lobby") == "MemberInvited"
    assert world.rooms(world.bob) == ["lobby"]
    assert world.do(world.bob, "join", "lobby") == "ack"


def test_who_declined_is_left_in_peace() -> None:
    world = World()
    world.add(world.ann, DEN, world.bob)
    assert world.do(world.bob, "decline", DEN) == "ack"
    assert world.pending(world.bob) == []
    assert world.do(world.bob, "join", DEN) == "not_found"
    world.create(world.ann, NOOK)
    assert world.add(world.ann, DEN, world.bob) == "forbidden"
    assert world.add(world.ann, NOOK, world.bob) == "forbidden"
    # Others may ask, where that room was not declined.
    world.create(world.cy, "attic-222222222222")
    assert world.add(world.cy, "attic-222222222222", world.bob) == "ack"
    world.wait()
    assert world.add(world.ann, DEN, world.bob) == "ack"
    assert world.rooms(world.bob) == ["attic-222222222222", DEN]


def test_an_invitation_that_was_accepted_before_is_answered_as_it_was() -> None:
    """A retry of a command that was acknowledged is no new invitation."""
    world = World()
    asked = {"action": "add_member", "id": "add", "room": DEN, "user": "u_bob", "since": 2}
    (first,) = world.ann.send(**asked)
    run_consumers(world.chat)
    world.do(world.bob, "decline", DEN)
    world.ann.frames()
    assert world.ann.send(**asked) == [first]


def test_an_invitation_is_withdrawn() -> None:
    world = World()
    world.add(world.ann, DEN, world.bob)
    assert world.do(world.ann, "remove_member", DEN, user="u_bob") == "ack"
    assert world.pending(world.bob) == []
    assert world.add(world.ann, DEN, world.bob) == "forbidden"
    # Nobody was declined: another room is another matter.
    world.create(world.ann, NOOK)
    assert world.add(world.ann, NOOK, world.bob) == "ack"


def test_somebody_has_few_invitations_of_one_stranger() -> None:
    world = World()
    rooms = [f"room-{letter * 12}" for letter in "abcdefgh"]
    for room in rooms:
        world.create(world.ann, room)
    answers = [world.add(world.ann, room, world.bob) for room in rooms]
    assert answers == ["ack"] * MAX_OFFERS_BY + ["forbidden"] * (8 - MAX_OFFERS_BY)
    assert world.rooms(world.bob) == rooms[:MAX_OFFERS_BY]
    # In one burst the answers know nothing of each other yet; the person's own log does.
    for room in rooms:
        world.ann.send(action="add_member", room=room, user="u_cy")
    run_consumers(world.chat)
    assert len(world.rooms(world.cy)) == MAX_OFFERS_BY


def test_an_invitation_that_was_dropped_is_made_anew_when_there_is_room_for_it() -> None:
    world = World()
    rooms = [f"room-{letter * 12}" for letter in "abcd"]
    for room in rooms:
        world.create(world.ann, room)
    for room in rooms:
        world.ann.send(action="add_member", room=room, user="u_bob")
    run_consumers(world.chat)
    *offered, dropped = rooms
    assert world.rooms(world.bob) == offered
    # At once it may be on its way. Later the inviter is told that there is one too many.
    assert world.add(world.ann, dropped, world.bob) == "ack"
    world.clock.wait(LOST.total_seconds())
    assert world.add(world.ann, dropped, world.bob) == "forbidden"
    # One that arrived is never made twice.
    head = world.chat.services.log.head(offered[0])
    assert world.add(world.ann, offered[0], world.bob) == "ack"
    assert world.chat.services.log.head(offered[0]) == head
    world.do(world.ann, "remove_member", offered[0], user="u_bob")
    assert world.add(world.ann, dropped, world.bob, role="moderator") == "ack"
    assert world.rooms(world.bob) == [*offered[1:], dropped]
    assert world.do(world.bob, "join", dropped) == "ack"
    answer = world.chat.reading.members(dropped, "u_bob", "", 10)
    assert [one["role"] for one in answer["members"] if one["user"] == "u_bob"] == ["moderator"]
    assert answer["invited"] == []


def test_the_name_of_who_declines_is_told_to_the_room() -> None:
    world = World()
    world.ann.send(action="sync", rooms={DEN: None})
    world.ann.send(action="add_member", room=DEN, user="u_bob")
    run_consumers(world.chat, ["deliver"])
    world.bob.send(action="decline", room=DEN)
    world.ann.frames()
    run_consumers(world.chat, ["deliver"])
    (frame,) = [frame for frame in world.ann.frames() if frame["type"] == "events"]
    assert [event["type"] for event in frame["events"]] == ["InvitationDeclined"]
    assert frame["people"] == {"u_bob": "bob"}


def test_an_invitation_to_a_room_that_the_views_do_not_know_has_its_name() -> None:
    world = World()
    world.create(world.cy, NOOK)
    world.chat.services.views.clear()
    world.cy.send(action="add_member", room=NOOK, user="u_bob")
    run_consumers(world.chat, ["track_memberships"])
    (pending,) = world.pending(world.bob)
    assert (pending["name"], pending["kind"], pending["by_name"]) == (
        f"The {NOOK}", "private", "cy",
    )  # fmt: skip


def test_an_erased_inviter_has_no_name() -> None:
    world = World()
    world.add(world.ann, DEN, world.bob)
    world.chat.services.vault.destroy("u_ann")
    (pending,) = world.pending(world.bob)
    assert (pending["name"], pending["by_name"]) == (None, None)


def test_nobody_has_no_invitations() -> None:
    world = World()
    assert world.pending(world.ann) == []
    assert isinstance(world.chat.services.log.read("u_ann"), Person)


def test_invitations_are_read_at_the_head_although_the_person_is_in_memory_as_before() -> None:
    chat = memory_chat()
    ann, bob = person(chat, "ann"), person(chat, "bob")
    ann.send(action="create_room", room="den-abcdefghijkl", name="Den", kind="private")
    log = chat.services.log
    before = log.at_head(bob.user)
    ann.send(action="add_member", room="den-abcdefghijkl", user=bob.user)
    run_consumers(chat)
    # As in a process that had started Bob's session and heard of nothing since.
    log.keep(before)
    assert len(Inviting(chat.services).pending(bob.user)["invitations"]) == 1
