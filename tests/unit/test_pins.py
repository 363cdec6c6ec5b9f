"""Pinned messages: who may, how many, and what a reader is shown."""

from typing import Any

import pytest

from domain.chat import Chat
from domain.errors import CommandIdReused, DeletedMessage, NotAMember, NotFound, RoleRequired
from domain.room.invitations import Invitation, Invitations
from domain.room.lifecycle import RoomCreated
from domain.room.membership import MemberJoined
from domain.room.messages import MessageDeleted, MessagePosted
from domain.room.pins import MAX_PINS, MessagePinned, MessageUnpinned, Pin, Pins, TooManyPins, Unpin
from domain.room.pins import pinned as chosen
from domain.room.room import Room, RoomSnapshot
from domain.room.view import FOLDS, RoomView
from tests.support.aggregates import Given, Happened, ask, given, happened, sealed
from tests.support.chat import Someone, memory_chat, person, run_consumers

ANN, BOB, CY, DAN = "u_ann", "u_bob", "u_cy", "u_dan"


def posted(n: int) -> Happened:
    text = sealed(BOB, "hello")
    return happened(MessagePosted, BOB, text=text, kind="text", n=n, reply_to=None, notify=[])


def a_room(kind: str = "public", *more: Happened) -> Given:
    """Ann owns it, Bob is a member, Cy a moderator; messages 5 and 6, more from 7 on."""
    members = [
        happened(MemberJoined, user, user=user, name=sealed(user), role=role)
        for user, role in ((ANN, "owner"), (BOB, "member"), (CY, "moderator"))
    ]
    created = happened(RoomCreated, ANN, name=sealed(ANN), kind=kind)
    return given("lobby", created, *members, posted(1), posted(2), *more)


def pinned(message: int, by: str = ANN) -> Happened:
    return happened(MessagePinned, by, message=message)


def unpinned(message: int, by: str = ANN) -> Happened:
    return happened(MessageUnpinned, by, message=message)


@pytest.mark.parametrize("kind", ["public", "broadcast"])
@pytest.mark.parametrize("command", [Pin, Unpin])
def test_owners_and_moderators_pin_in_open_rooms_and_members_do_not(
    kind: str, command: Any
) -> None:
    room = a_room(kind, pinned(5))
    room.when(ask(command, BOB, version=6)).then_refused(RoleRequired)
    room.when(ask(command, DAN, version=6)).then_refused(NotAMember)
    for user in (ANN, CY):
        a_room(kind).when(ask(Pin, user, version=6)).then(pinned(6, user))
        a_room(kind, pinned(6)).when(ask(Unpin, user, version=6)).then(unpinned(6, user))


def test_every_member_pins_in_a_private_room_and_nobody_else_learns_of_it() -> None:
    a_room("private").when(ask(Pin, BOB, version=5)).then(pinned(5, BOB))
    a_room("private", pinned(5)).when(ask(Unpin, BOB, version=5)).then(unpinned(5, BOB))
    for command in (Pin, Unpin):
        a_room("private", pinned(5)).when(ask(command, DAN, version=5)).then_refused(NotFound)


def test_pinning_twice_and_unpinning_what_is_not_pinned_change_nothing() -> None:
    room = a_room("public", pinned(5))
    room.when(ask(Pin, CY, version=5)).then_nothing()
    room.when(ask(Unpin, CY, version=6)).then_nothing()
    a_room("public", pinned(5), unpinned(5)).when(ask(Pin, ANN, version=5)).then(pinned(5))
    once = ask(Pin, ANN, id="once", version=6)
    room.when(once).then(pinned(6))
    assert room.when(once).outcome == 8
    room.when(ask(Pin, ANN, id="once", digest="another", version=5)).then_refused(CommandIdReused)


@pytest.mark.parametrize("version", [1, 7, 1_000])
def test_only_messages_are_pinned(version: int) -> None:
    a_room("public", pinned(5)).when(ask(Pin, ANN, version=version)).then_refused(NotFound)


def test_a_deleted_message_is_not_pinned_any_more_and_cannot_be() -> None:
    gone = happened(MessageDeleted, BOB, message=5)
    room = a_room("public", pinned(5), pinned(6), gone)
    assert isinstance(room.aggregate, Room)
    assert room.aggregate.part(Pins).versions == [6]
    room.when(ask(Pin, ANN, version=5)).then_refused(DeletedMessage)
    room.when(ask(Unpin, ANN, version=5)).then_nothing()


def test_a_room_has_at_most_a_hundred_pins() -> None:
    more = [posted(n) for n in range(3, MAX_PINS + 2)]
    room = a_room("public", *more, *(pinned(version) for version in range(5, 5 + MAX_PINS)))
    room.when(ask(Pin, ANN, version=5 + MAX_PINS)).then_refused(TooManyPins)
    room.when(ask(Pin, ANN, version=5)).then_nothing()


def test_a_snapshot_keeps_the_pins_and_one_of_an_earlier_release_loads() -> None:
    room: Any = a_room("public", pinned(6), pinned(5)).aggregate
    snapshot = RoomSnapshot.take(room)
    restored: Any = snapshot.mutate(None)  # type: ignore[func-returns-value, unused-ignore]
    assert restored.part(Pins).versions == [6, 5]
    restored.part(Pins).versions.append(7)
    assert room.part(Pins).versions == [6, 5]
    del snapshot.state["pins"]
    older: Any = snapshot.mutate(None)  # type: ignore[func-returns-value, unused-ignore]
    assert older.part(Pins) == Pins()
    assert older.part(Invitations).pending == dict[str, Invitation]()


def test_what_was_kept_before_does_not_change_with_what_follows() -> None:
    """A header and a snapshot may be in somebody else's hands."""
    room = a_room("public", pinned(5))
    taken: Any = RoomSnapshot.take(room.aggregate)
    room.when(ask(Pin, ANN, version=6)).then(pinned(6))
    assert taken.state["pins"] == [5]
    header = {"version": 6, "pins": [5]}
    view = RoomView().restore(header)
    for version, type in ((7, "MessagePinned"), (8, "MessageUnpinned")):
        about = {"version": version, "type": type, "by": ANN, "data": {"message": 6}}
        view.apply(about)
    assert (header["pins"], chosen(view)) == ([5], [5])


def test_a_message_pinned_again_is_listed_once_though_its_unpin_was_skipped() -> None:
    header = {"version": 6, "pins": [5, 6]}
    view = RoomView().restore(header)
    for version in range(7, 7 + MAX_PINS):
        about = {"version": version, "type": "MessagePinned", "by": ANN, "data": {"message": 5}}
        view.apply(about)
    assert (header["pins"], chosen(view)) == ([5, 6], [5, 6])
    assert view.kept["pins"] == [6, 5]


# What is read


@pytest.fixture
def lobby() -> tuple[Chat, Someone, Someone]:
    """Ann owns the lobby, Bob posted 4 to 6 there."""
    chat = memory_chat()
    ann, bob = person(chat, "ann"), person(chat, "bob")
    ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
    bob.send(action="join", room="lobby")
    for number in range(3):
        bob.send(action="post", room="lobby", text=f"text {number}")
    return chat, ann, bob


def shown(chat: Chat, user: str, room: str = "lobby") -> list[tuple[int, str, str]]:
    page = chat.reading.chosen(room, user, chosen)
    return [(one["version"], one["text"], one["pinned_by"]) for one in page["messages"]]


@pytest.mark.parametrize("folded", [0, 1, 2, 3], ids=["nothing", "posts", "a pin", "all"])
def test_pins_are_read_the_latest_first_wherever_the_views_stand(
    lobby: tuple[Chat, Someone, Someone], folded: int
) -> None:
    chat, ann, bob = lobby
    steps: list[dict[str, Any]] = [
        {},
        {"action": "pin", "version": 4},
        {"action": "pin", "version": 6},
    ]
    for number, step in enumerate(steps, 1):
        if step:
            assert "ack" in [answer["type"] for answer in ann.send(room="lobby", **step)]
        if number == folded:
            run_consumers(chat)
    assert shown(chat, bob.user) == [(6, "text 2", "u_ann"), (4, "text 0", "u_ann")]
    assert chat.reading.chosen("lobby", bob.user, chosen)["people"] == {"u_bob": "bob"}
    bob.send(action="edit", room="lobby", version=4, text="anew")
    ann.send(action="unpin", room="lobby", version=6)
    assert shown(chat, bob.user) == [(4, "anew", "u_ann")]
    bob.send(action="delete", room="lobby", version=4)
    assert shown(chat, bob.user) == []
    run_consumers(chat)
    assert shown(chat, bob.user) == []
    page = chat.reading.messages("lobby", bob.user, None, 10)["messages"]
    assert [one.get("pinned_by") for one in page] == [None, None, None]


def test_a_pin_after_an_unpin_that_the_views_skipped_is_read_once(
    lobby: tuple[Chat, Someone, Someone], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise KeyError("text")

    chat, ann, bob = lobby
    for version in (4, 5):
        ann.send(action="pin", room="lobby", version=version)
    run_consumers(chat)
    with monkeypatch.context() as broken:
        broken.setitem(FOLDS, "MessageUnpinned", fails)
        ann.send(action="unpin", room="lobby", version=4)
        run_consumers(chat)
    ann.send(action="pin", room="lobby", version=4)
    for _ in range(2):
        assert [version for version, _, _ in shown(chat, bob.user)] == [4, 5]
        run_consumers(chat)


def test_a_snapshot_for_clients_has_the_pins(lobby: tuple[Chat, Someone, Someone]) -> None:
    chat, ann, bob = lobby
    ann.send(action="pin", room="lobby", version=6)
    run_consumers(chat)
    ann.send(action="pin", room="lobby", version=4)
    bob.frames()
    snapshots = [
        frame["rooms"]["lobby"]["snapshot"]
        for frame in bob.sync(lobby=None)
        if frame["type"] == "synced"
    ]
    assert [snapshot["facts"] for snapshot in snapshots] == [{"pins": [6, 4]}]


def test_a_page_of_messages_says_which_are_pinned(lobby: tuple[Chat, Someone, Someone]) -> None:
    chat, ann, bob = lobby
    ann.send(action="pin", room="lobby", version=5)
    for _ in range(2):
        page = chat.reading.messages("lobby", bob.user, None, 10)["messages"]
        assert [one.get("pinned_by") for one in page] == [None, "u_ann", None]
        run_consumers(chat)


def test_pins_of_a_private_room_are_for_its_members(lobby: tuple[Chat, Someone, Someone]) -> None:
    chat, ann, bob = lobby
    room = "den-222222222222"
    ann.send(action="create_room", room=room, name="Den", kind="private")
    ann.send(action="post", room=room, text="secret")
    ann.send(action="pin", room=room, version=3)
    assert [text for _, text, _ in shown(chat, ann.user, room)] == ["secret"]
    with pytest.raises(NotFound):
        shown(chat, bob.user, room)


def test_a_refused_pin_says_why(lobby: tuple[Chat, Someone, Someone]) -> None:
    _, ann, bob = lobby
    (answer,) = bob.send(action="pin", room="lobby", version=4)
    assert (answer["type"], answer["code"]) == ("error", "forbidden")
    for version in (0, -1, "4", None):
        (answer,) = ann.send(action="pin", room="lobby", version=version)
        assert (answer["type"], answer["code"]) == ("error", "invalid")
