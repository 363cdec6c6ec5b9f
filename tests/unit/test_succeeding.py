"""Rooms of an erased owner have an owner who can manage them, whatever comes first."""

from collections.abc import Sequence
from itertools import permutations

import pytest

from domain.chat import Chat
from domain.chat.sessions import DAY, SESSION_LIFE
from domain.chat.succeeding import Succession
from domain.consumer import Transient
from domain.errors import NotFound
from domain.person.person import Person
from domain.person.sessions import OpenSessions
from domain.room.room import Room
from tests.support.chat import Clock, Someone, admit, memory_chat, person, records, run_consumers

ROOM = "ours-aaaaaaaaaaaa"


def room_of(chat: Chat, *people: Someone, kind: str = "public") -> None:
    """The first of the people makes the room, the others come in turn."""
    first, *others = people
    first.send(action="create_room", room=ROOM, name="Ours", kind=kind)
    for other in others:
        if kind == "private":
            admit(first, other, ROOM)
        else:
            other.send(action="join", room=ROOM)
    run_consumers(chat)


def roles(chat: Chat) -> dict[str, str]:
    room = chat.services.log.at_head(ROOM)
    assert isinstance(room, Room)
    return dict(room.members)


def set_role(owner: Someone, other: Someone, role: str) -> str:
    frames = owner.send(action="set_role", room=ROOM, user=other.user, role=role)
    return str(frames[-1]["type"])


@pytest.mark.parametrize("kind", ["public", "private", "broadcast"])
def test_the_member_who_came_first_owns_an_erased_owners_room(kind: str) -> None:
    chat = memory_chat()
    ann, bob, cy = (person(chat, name) for name in ("ann", "bob", "cy"))
    room_of(chat, ann, bob, cy, kind=kind)
    chat.erasing.erase(ann.user)
    run_consumers(chat)
    assert roles(chat) == {"u_ann": "member", "u_bob": "owner", "u_cy": "member"}
    # They manage it: the erased one too.
    assert set_role(bob, cy, "moderator") == "ack"
    assert bob.send(action="remove_member", room=ROOM, user=ann.user)[-1]["type"] == "ack"
    run_consumers(chat)
    assert chat.services.log.events("u_bob")[-1].wire()["data"]["role"] == "owner"
    views = chat.services.views
    assert [row["role"] for row in views.members(ROOM, "", 9)] == ["owner", "moderator"]


def test_a_moderator_comes_before_members_and_an_owner_before_all() -> None:
    chat = memory_chat()
    ann, bob, cy, dan = (person(chat, name) for name in ("ann", "bob", "cy", "dan"))
    room_of(chat, ann, bob, cy, dan)
    set_role(ann, dan, "owner")
    set_role(ann, cy, "moderator")
    run_consumers(chat)
    chat.erasing.erase(ann.user)
    assert roles(chat) == {"u_ann": "member", "u_bob": "member", "u_cy": "moderator",
                           "u_dan": "owner"}  # fmt: skip
    chat.erasing.erase(dan.user)
    assert roles(chat)["u_cy"] == "owner"
    # Nobody who was erased inherits, though all others are.
    chat.erasing.erase(bob.user)
    chat.erasing.erase(cy.user)
    run_consumers(chat)
    assert set(roles(chat).values()) == {"member"}


def test_of_two_members_the_one_who_is_signed_in_owns_the_room() -> None:
    chat = memory_chat()
    ann, bob, cy = (person(chat, name) for name in ("ann", "bob", "cy"))
    room_of(chat, ann, bob, cy)
    chat.sessions.leave(bob.token)
    chat.erasing.erase(ann.user)
    assert roles(chat)["u_cy"] == "owner"


def test_a_session_that_lapsed_is_not_an_open_one() -> None:
    clock = Clock()
    chat = memory_chat(clock=clock)
    ann, bob = person(chat, "ann"), person(chat, "bob")
    room_of(chat, ann, bob)
    clock.wait(SESSION_LIFE + DAY)
    cy = person(chat, "cy")
    cy.send(action="join", room=ROOM)
    lapsed = chat.services.log.at_head(bob.user)
    assert isinstance(lapsed, Person)
    assert lapsed.part(OpenSessions).begun
    chat.erasing.erase(ann.user)
    assert roles(chat)["u_cy"] == "owner"


def test_a_session_that_is_used_stays_an_open_one() -> None:
    clock = Clock()
    chat = memory_chat(clock=clock)
    ann, bob, cy = (person(chat, name) for name in ("ann", "bob", "cy"))
    room_of(chat, ann, bob, cy)
    for _ in range(3):
        chat.sessions.who(cy.token)
        clock.wait(SESSION_LIFE - DAY)
    chat.erasing.erase(ann.user)
    assert roles(chat)["u_cy"] == "owner"


def test_somebody_living_behind_many_who_were_erased_inherits() -> None:
    chat = memory_chat()
    ann, *gone = (person(chat, f"p{number}") for number in range(121))
    bob = person(chat, "bob")
    room_of(chat, ann, *gone, bob)
    for one in gone:
        chat.erasing.erase(one.user)
    chat.erasing.erase(ann.user)
    assert [one for one, role in roles(chat).items() if role == "owner"] == [bob.user]


def test_a_search_in_steps_goes_on_where_the_last_one_ended() -> None:
    chat = memory_chat()
    ann, *gone = (person(chat, f"p{number}") for number in range(8))
    bob = person(chat, "bob")
    room_of(chat, ann, *gone, bob)
    # What an erasure that was cut off leaves behind.
    chat.erasing._succession.of_person = lambda user: None  # type: ignore[method-assign]
    for one in (*gone, ann):
        chat.erasing.erase(one.user)
    succession = Succession(chat.services, step=3)
    for _ in range(2):
        with pytest.raises(Transient):
            succession.of_person(ann.user)
        assert roles(chat)[ann.user] == "owner"
    succession.of_person(ann.user)
    assert roles(chat)[bob.user] == "owner"
    assert roles(chat)[ann.user] == "member"


def test_erasing_again_and_hearing_of_it_again_changes_nothing() -> None:
    chat = memory_chat()
    ann, bob = person(chat, "ann"), person(chat, "bob")
    room_of(chat, ann, bob)
    chat.erasing.erase(ann.user)
    run_consumers(chat)
    head = chat.services.log.head(ROOM)
    chat.erasing.erase(ann.user)
    for _, record in records(chat):
        assert chat.apply_records("track_memberships", [record]) == []
    assert chat.services.log.head(ROOM) == head
    assert roles(chat) == {"u_ann": "member", "u_bob": "owner"}


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_an_owner_whose_log_hears_of_a_room_after_the_erasure_hands_it_over(
    order: Sequence[int],
) -> None:
    chat = memory_chat()
    ann, bob = person(chat, "ann"), person(chat, "bob")
    bob.send(action="create_room", room=ROOM, name="Ours", kind="public")
    ann.send(action="join", room=ROOM)
    run_consumers(chat)
    before = len(records(chat))
    # Made the owner, and erased before their own log heard of it.
    set_role(bob, ann, "owner")
    set_role(ann, bob, "member")
    chat.erasing.erase(ann.user)
    todo = [record for _, record in records(chat)][before:]
    for place in order:
        assert chat.apply_records("track_memberships", [todo[place]]) == []
    run_consumers(chat)
    assert roles(chat) == {"u_bob": "owner", "u_ann": "member"}


def test_the_first_to_accept_an_invitation_owns_a_room_whose_members_were_all_erased() -> None:
    chat = memory_chat()
    ann, bob = person(chat, "ann"), person(chat, "bob")
    room_of(chat, ann, kind="private")
    ann.send(action="add_member", room=ROOM, user=bob.user)
    run_consumers(chat)
    chat.erasing.erase(ann.user)
    assert roles(chat) == {"u_ann": "member"}
    assert bob.send(action="join", room=ROOM)[-1]["type"] == "ack"
    assert roles(chat) == {"u_ann": "member", "u_bob": "owner"}


def test_an_heir_who_leaves_at_that_moment_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    chat = memory_chat()
    ann, bob, cy = (person(chat, name) for name in ("ann", "bob", "cy"))
    room_of(chat, ann, bob, cy)
    real = Succession._heir
    seen: list[str | None] = []

    def slow(self: Succession, members: dict[str, str], user: str) -> str | None:
        heir = real(self, members, user)
        if not seen:
            bob.send(action="leave", room=ROOM)
        seen.append(heir)
        return heir

    monkeypatch.setattr(Succession, "_heir", slow)
    chat.erasing.erase(ann.user)
    assert seen == ["u_bob", "u_cy"]
    assert roles(chat) == {"u_ann": "member", "u_cy": "owner"}
    with pytest.raises(NotFound):
        chat.erasing.erase("u_nobody")
