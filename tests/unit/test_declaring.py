"""A new event class is withheld, authorised, delivered and copied by what it declares; no list of
events elsewhere has to name it, and a forgotten declaration shows less, not more.

Over 300 lines: each declaration is followed through all readers of it, with one set of throwaway
classes.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import pytest

from adapters.memory.gateway import RecordingGateway
from domain.aggregate import Event
from domain.chat import Chat
from domain.chat.authorising import Authorising
from domain.chat.consumers import TrackMemberships
from domain.chat.delivering import LATE, Deliver
from domain.chat.listing import Listing
from domain.chat.reading import Reading
from domain.chat.receiving import Receiving
from domain.chat.retaining import without_content
from domain.chat.unsealing import names_at_head, open_words
from domain.errors import NotFound
from domain.log import EVENT_CLASSES
from domain.person.lifecycle import PersonErased
from domain.protocol.types import Sealed
from domain.room import declaring
from domain.room.invitations import Invitation, Invitations
from domain.room.pins import Pins
from domain.room.room import ROOM_EVENTS, Room, RoomEvent
from domain.room.view import FOLDS, RoomView
from operations.common import log_lines
from tests.support.chat import Clock, Someone, memory_chat, person, run_consumers
from tests.unit.test_storage_format import GOLDEN, golden, read

DEN = "den-abcdefghijkl"
LOBBY = "lobby"


_numbers = count()


def new_topic() -> str:
    """Returns a topic that was never used: the library keeps topics for good."""
    return f"test.{next(_numbers)}"


@pytest.fixture(autouse=True)
def unregistered() -> Iterator[None]:
    """Event classes that a test defines are gone after it."""
    registries: list[Any] = [ROOM_EVENTS, FOLDS, declaring.TYPES, declaring.TOPICS]
    registries.append(Event.sealed_fields)
    before = [one.copy() for one in registries]
    yield
    for registry, was in zip(registries, before, strict=True):
        registry.clear()
        registry.extend(was) if isinstance(registry, list) else registry.update(was)


def happen(chat: Chat, room: str, kind: type[RoomEvent], by: str, **data: Any) -> int:
    """Appends an event to a room's log, and forgets the room as a restart would."""
    log = chat.services.log
    version, at = log.head(room) + 1, chat.services.now()
    event = kind(
        originator_id=room, originator_version=version, by=by, at=at, recorded_at=at,
        id=f"c-{version}", digest="", **data,
    )  # fmt: skip
    log.recorder.insert_events(log.stored([event]))
    log.evict(room)
    return version


# Texts


def translated() -> type[RoomEvent]:
    """Says nothing about itself: what it is follows from its fields."""

    @dataclass(kw_only=True)
    class MessageTranslated(RoomEvent):
        TOPIC = new_topic()
        message: int
        text: Sealed

    return MessageTranslated


def say(someone: Someone, text: str) -> int:
    (ack,) = [f for f in someone.send(action="post", room=LOBBY, text=text) if f["type"] == "ack"]
    return int(ack["version"])


def lobby(clock: Clock | None = None) -> tuple[Chat, Someone, Someone, Someone]:
    """Ann owns the lobby, Bob is a member, Eve reads as a guest."""
    chat = memory_chat(clock=clock)
    ann, bob, eve = (person(chat, name) for name in ("ann", "bob", "eve"))
    ann.send(action="create_room", room=LOBBY, name="Lobby", kind="public")
    bob.send(action="join", room=LOBBY)
    return chat, ann, bob, eve


def translate(chat: Chat, someone: Someone, message: int, text: str) -> int:
    kind = declaring.TYPES.get("MessageTranslated") or translated()
    sealed = chat.services.vault.seal(someone.user, text)
    return happen(chat, LOBBY, kind, someone.user, message=message, text=sealed)


def pages(chat: Chat, someone: Someone, limit: int) -> list[str | None]:
    """Returns the texts of the whole log, as `GET events` gives it page by page."""
    found: list[dict[str, Any]] = []
    while page := Reading(chat.services).events(LOBBY, someone.user, len(found), limit)["events"]:
        found += page
    return [event["data"]["text"] for event in found if "text" in event["data"]]


def synced(chat: Chat, someone: Someone, room: str, held: int) -> dict[str, Any]:
    """Returns the room's answer to `sync`. A throwaway event is no event of the wire's models."""
    frames = raw(chat, someone)
    frames.clear()
    frame = {"action": "sync", "id": "s", "rooms": {room: held}}
    Receiving(chat).receive(someone.connection, orjson.dumps(frame).decode())
    (answer,) = [one["rooms"][room] for one in map(orjson.loads, raw(chat, someone))]
    return dict(answer)


def raw(chat: Chat, someone: Someone) -> list[bytes]:
    gateway = chat.services.gateway
    assert isinstance(gateway, RecordingGateway)
    return gateway.frames.setdefault(someone.connection.id, [])


def pushed(chat: Chat, someone: Someone) -> list[dict[str, Any]]:
    frames = [orjson.loads(one) for one in raw(chat, someone)]
    raw(chat, someone).clear()
    return [event for frame in frames for event in frame.get("events", ())]


@pytest.mark.parametrize("limit", [1, 2, 1_000])
@pytest.mark.parametrize("consumed", [True, False])
def test_a_text_about_a_deleted_message_is_withheld_with_it(limit: int, consumed: bool) -> None:
    chat, ann, bob, eve = lobby()
    version = say(bob, "my password")
    translate(chat, bob, version, "mein Passwort")
    stays = say(bob, "stays")
    translate(chat, bob, stays, "bleibt")
    ann.send(action="delete", room=LOBBY, version=version)
    if consumed:
        run_consumers(chat)
    for someone in (ann, bob, eve):
        assert pages(chat, someone, limit) == [None, None, "stays", "bleibt"]
    assert "Passwort" not in str(synced(chat, eve, LOBBY, 3))
    lines = list(log_lines(chat.services.log, chat.services.vault, LOBBY))
    assert "bleibt" in str(lines)
    assert "Passwort" not in str(lines)


@pytest.mark.parametrize("limit", [1, 2, 1_000])
def test_a_text_about_a_replaced_text_is_for_members_alone(limit: int) -> None:
    chat, ann, bob, eve = lobby()
    version = say(bob, "first")
    translate(chat, bob, version, "erstens")
    bob.send(action="edit", room=LOBBY, version=version, text="second")
    translate(chat, bob, version, "zweitens")
    run_consumers(chat)
    assert pages(chat, ann, limit) == ["first", "erstens", "second", "zweitens"]
    assert pages(chat, eve, limit) == [None, None, "second", "zweitens"]


def test_a_late_push_withholds_it_too() -> None:
    clock = Clock()
    chat, ann, bob, _ = lobby(clock)
    version = say(bob, "my password")
    run_consumers(chat)
    ann.sync(lobby=None)
    translate(chat, bob, version, "mein Passwort")
    clock.wait(LATE)
    bob.send(action="delete", room=LOBBY, version=version)
    pushed(chat, ann)
    Deliver(chat.services).apply(LOBBY, chat.services.log.events(LOBBY, after=3, upto=5))
    assert [event["data"]["text"] for event in pushed(chat, ann)] == [None, None]


def test_retention_replaces_it_too() -> None:
    kind: Any = translated()
    event = kind(
        originator_id=LOBBY, originator_version=4, by="u_ann", at="", recorded_at="", id="",
        digest="", message=3, text={"k": "u_ann", "c": "AAAA"},
    )  # fmt: skip
    kept: Any = without_content(event)
    assert kept.text["k"] == "-"


def test_an_event_may_say_that_its_text_stays() -> None:
    @dataclass(kw_only=True)
    class MessageTranslated(RoomEvent):
        TOPIC = new_topic()
        withheld = ()
        message: int
        text: Sealed

    chat, _, bob, eve = lobby()
    version = say(bob, "gone")
    translate(chat, bob, version, "why it was deleted")
    bob.send(action="delete", room=LOBBY, version=version)
    assert MessageTranslated.content == ()
    assert pages(chat, eve, 10) == [None, "why it was deleted"]


def test_another_event_may_delete_or_replace_messages() -> None:
    @dataclass(kw_only=True)
    class MessageRetracted(RoomEvent):
        TOPIC = new_topic()
        message_text = "deleted"
        about = "target"
        target: int

        @staticmethod
        def project(view: RoomView, event: Any, data: Any) -> None:
            if (message := view.message(data["target"])) is not None:
                message.update(text=None, deleted=True)

    @dataclass(kw_only=True)
    class MessageCorrected(RoomEvent):
        TOPIC = new_topic()
        message_text = "replaced"
        message: int
        text: Sealed

        @staticmethod
        def project(view: RoomView, event: Any, data: Any) -> None:
            if (message := view.target(event)) is not None:
                message.update(text=data["text"], edited_at=event["at"])

    chat, ann, bob, eve = lobby()
    gone, wrong = say(bob, "gone"), say(bob, "wrong")
    run_consumers(chat)
    happen(chat, LOBBY, MessageRetracted, ann.user, target=gone)
    right = chat.services.vault.seal(bob.user, "right")
    happen(chat, LOBBY, MessageCorrected, bob.user, message=wrong, text=right)
    for limit in (1, 10):
        assert pages(chat, ann, limit) == [None, "wrong", "right"]
        assert pages(chat, eve, limit) == [None, None, "right"]
    # A view that cannot fold them loses the earlier texts all the same.
    chat.consuming["project_views"].consumer.skip(LOBBY, chat.services.log.head(LOBBY))
    (first, second) = chat.services.views.page(LOBBY, None, 10)
    texts = {
        one["version"]: open_words(chat.services.vault, one["text"]) for one in (first, second)
    }
    assert texts == {gone: None, wrong: "right"}


# Members


def banned(declared: declaring.Membership) -> type[RoomEvent]:
    """Returns an event class that removes a member; with `unknown` it declares nothing."""
    # It takes the place of the one that the test defined before: a name is declared once.
    Event.sealed_fields.pop("MemberBanned", None)

    @dataclass(kw_only=True)
    class MemberBanned(RoomEvent):
        TOPIC = new_topic()
        if declared != "unknown":
            membership = declared
        user: str

        def apply(self, aggregate: Room) -> None:
            aggregate.members.pop(self.user)

        @staticmethod
        def project(view: RoomView, event: Any, data: Any) -> None:
            view.members.setdefault(data["user"], {})["role"] = None
            view.member_count -= 1

    return MemberBanned


def den() -> tuple[Chat, Someone, Someone]:
    """Makes a private room of Ann and Bob, who both have it open."""
    chat = memory_chat()
    ann, bob = person(chat, "ann"), person(chat, "bob")
    ann.send(action="create_room", room=DEN, name="Den", kind="private")
    ann.send(action="add_member", room=DEN, user=bob.user)
    bob.send(action="join", room=DEN)
    run_consumers(chat)
    for someone in (ann, bob):
        someone.sync(**{DEN: None})
    return chat, ann, bob


@pytest.mark.parametrize("declared", ["lost", "any", "unknown"])
def test_a_banned_member_reads_nothing_after_a_restart(declared: declaring.Membership) -> None:
    chat, ann, bob = den()
    happen(chat, DEN, banned(declared), ann.user, user=bob.user)
    reader = Reading(chat.services)
    calls: list[Callable[[str], object]] = [
        lambda user: reader.messages(DEN, user, None, 10),
        lambda user: reader.events(DEN, user, 0, 10),
        lambda user: reader.members(DEN, user, "", 10),
    ]
    for call in calls:
        call(ann.user)
        with pytest.raises(NotFound):
            call(bob.user)
    assert synced(chat, bob, DEN, 0) == {"error": "not_found"}
    assert "error" not in synced(chat, ann, DEN, 0)
    assert Authorising(chat.services.log, alone=False).standing(DEN).role(bob.user) is None


@pytest.mark.parametrize("declared", ["lost", "any", "unknown"])
def test_a_banned_member_gets_no_push(declared: declaring.Membership) -> None:
    chat, ann, bob = den()
    happen(chat, DEN, banned(declared), ann.user, user=bob.user)
    ann.send(action="post", room=DEN, text="after the ban")
    for someone in (ann, bob):
        pushed(chat, someone)
    run_consumers(chat, ["deliver"])
    # As after MemberLeft, they still get that event itself.
    assert [event["type"] for event in pushed(chat, bob)] == ["MemberBanned"]
    assert [event["type"] for event in pushed(chat, ann)] == ["MemberBanned", "MessagePosted"]
    ann.send(action="post", room=DEN, text="and later")
    run_consumers(chat, ["deliver"])
    assert pushed(chat, bob) == []


def test_a_ban_is_copied_to_the_persons_own_log() -> None:
    chat, ann, bob = den()
    happen(chat, DEN, banned("lost"), ann.user, user=bob.user)
    run_consumers(chat, ["track_memberships"])
    assert Listing(chat.services).own(bob.user, None, 10)["rooms"] == []
    assert len(Listing(chat.services).own(ann.user, None, 10)["rooms"]) == 1


def test_a_name_of_a_new_event_is_known() -> None:
    @dataclass(kw_only=True)
    class MemberNicknamed(RoomEvent):
        TOPIC = new_topic()
        user: str
        name: Sealed

    chat, _, bob = den()
    name = chat.services.vault.seal(bob.user, "Bobby")
    happen(chat, DEN, MemberNicknamed, bob.user, user=bob.user, name=name)
    found = names_at_head(chat.services.log, chat.services.views, DEN, [bob.user])
    assert open_words(chat.services.vault, found[bob.user]) == "Bobby"


def test_topics_of_memberships_follow_from_the_declarations() -> None:
    declared = {one.TOPIC for one in ROOM_EVENTS if one.membership in declaring.OF_USER}
    assert {*TrackMemberships.topics} == {*declared, PersonErased.TOPIC}
    assert "room.member-left" in declared


# What is declared is true

CLASSES = [one for one in EVENT_CLASSES if issubclass(one, RoomEvent)]
ROOM_GOLDEN = [path for path in GOLDEN if path.name.startswith("room.")]


def rooms_for(event: Any) -> list[Room]:
    """Returns rooms in which the event may happen: all people whom it names are members, invited,
    or strangers."""
    people = {one for one in vars(event).values() if isinstance(one, str) and one[:2] == "u_"}
    found = []
    for state in ("member", "invited", "stranger"):
        room = Room(event.originator_id)
        room.kind, room.members, room.owners = "private", {"u_own": "owner"}, 1
        if state == "member":
            room.members |= dict.fromkeys(people, "moderator")
        elif state == "invited":
            pending = dict.fromkeys(people, Invitation("member", "u_own"))
            room.part(Invitations).pending |= pending
        room.part(Pins).versions = [getattr(event, "message", 1)]
        found.append(room)
    return found


def change(before: Room, after: Room) -> str:
    """Returns what an event did to who may read a room."""
    if before.kind != after.kind:
        return "any"
    if before.members.keys() - after.members.keys():
        return "lost"
    if before.members != after.members:
        return "gained"
    was, now = (one.part(Invitations).pending for one in (before, after))
    if was != now:
        return "closed" if was.keys() - now.keys() else "offered"
    return "none"


def changes_of(event: Any) -> set[str]:
    found = set()
    for room in rooms_for(event):
        after = deepcopy(room)
        try:
            event.apply(after)
        except (KeyError, ValueError):
            continue  # it cannot happen there
        found.add(change(room, after))
    assert found, f"{type(event).__name__} can happen in none of the rooms: add one to rooms_for"
    return found - {"none"} or {"none"}


@pytest.mark.parametrize("path", ROOM_GOLDEN, ids=lambda path: path.stem)
def test_an_event_declares_what_it_does_to_members(path: Path) -> None:
    event: Any = read(golden(path))
    declared = event.membership
    assert changes_of(event) == {declared} or declared == "any", path.name


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_event_with_its_own_apply_declares_its_membership(kind: type[RoomEvent]) -> None:
    """What it has without a declaration is safe, but closes the room if it fails."""
    assert kind.membership != "unknown"


def test_a_class_that_changes_members_undeclared_is_refused() -> None:
    """So is one that says the wrong thing: the two tests above would fail for these."""
    fields: dict[str, Any] = {
        "originator_id": DEN, "originator_version": 3, "by": "u_own", "at": "", "recorded_at": "",
        "id": "", "digest": "", "user": "u_bob",
    }  # fmt: skip
    assert banned("unknown").membership == "unknown"
    assert changes_of(banned("none")(**fields)) == {"lost"}


@pytest.mark.parametrize("path", ROOM_GOLDEN, ids=lambda path: path.stem)
def test_an_event_declares_what_it_does_to_a_text(path: Path) -> None:
    event: Any = read(golden(path))
    wire = event.wire()
    about = wire["data"].get(event.about or "")
    view = RoomView()
    view.version = event.originator_version - 1
    for version in {about or 1, view.version} - {0, event.originator_version}:
        view.messages[version] = message(version)
    before = deepcopy(view.messages)
    view.apply(wire)
    done = set()
    for version, one in view.messages.items():
        if version not in before:
            done.add("posted")
        elif one["deleted"] or one["text"] is None:
            done.add("deleted")
        elif one["text"] != before[version]["text"]:
            done.add("replaced")
    assert done == ({event.message_text} if event.message_text else set()), path.name


def message(version: int) -> dict[str, Any]:
    return {
        "version": version, "id": "m", "by": "u_ann", "at": "", "text": {"k": "u_ann", "c": "old"},
        "kind": "text", "n": 1, "reply_to": None, "edited_at": None, "deleted": False,
        "reactions": {},
    }  # fmt: skip


Body = dict[str, Any]
WRONG: dict[str, tuple[Body, Body]] = {
    "deletes-nothing-named": ({"message_text": "deleted"}, {}),
    "deletes-by-a-list": ({"message_text": "deleted"}, {"message": list[int]}),
    "about-no-field": ({"about": "target"}, {"text": Sealed}),
    "withholds-what-is-plain": ({"withheld": ("note",)}, {"message": int, "note": str}),
    "withholds-about-nothing": ({"withheld": ("text",)}, {"text": Sealed}),
    "removes-nobody": ({"membership": "lost"}, {"whom": str}),
    "gives-no-role": ({"membership": "gained"}, {"user": str}),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_declaration_that_cannot_hold_is_refused(case: str) -> None:
    declared, fields = WRONG[case]
    with pytest.raises(TypeError):
        type("Wrong", (RoomEvent,), {"TOPIC": "test.wrong", "__annotations__": fields, **declared})
