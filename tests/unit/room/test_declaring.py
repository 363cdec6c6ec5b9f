"""What a concern declares cannot take the place of what another one declared."""

from dataclasses import dataclass
from typing import Any

import pytest

from domain.aggregate import Command, Event
from domain.concerns import Composed, check_parts
from domain.person import person
from domain.person.marks import MarkRead
from domain.person.person import Person, PersonEvent
from domain.protocol.server import _Message
from domain.room import room
from domain.room.pins import Pin, Pins
from domain.room.room import ROOM_EVENTS, Part, Room, RoomEvent
from domain.room.view import EXTRAS, FACTS, FOLDS, HEADER, MESSAGE, RoomView


@dataclass(kw_only=True, slots=True)
class Mark(Command):
    message: int


def test_an_action_has_one_command() -> None:
    before = (dict(room.ACTIONS), dict(room.DECISIONS))
    with pytest.raises(TypeError, match="pin is taken by Pin"):
        room.decides(Mark, "pin")(lambda room, command, message_of: 0)
    assert before == (room.ACTIONS, room.DECISIONS)


def test_a_command_is_decided_once() -> None:
    with pytest.raises(TypeError, match="Pin is decided twice"):
        room.decides(Pin)(lambda room, command, message_of: 0)
    with pytest.raises(TypeError, match="MarkRead is decided twice"):
        person.decides(MarkRead)(lambda person, command: 0)


def test_an_event_has_its_name_and_its_topic_alone() -> None:
    before = (list(ROOM_EVENTS), dict(FOLDS), dict(Event.sealed_fields), dict(Event.topics))
    for kind in (RoomEvent, PersonEvent):
        with pytest.raises(TypeError, match="two events MessagePinned"):
            type("MessagePinned", (kind,), {"TOPIC": "room.other", "__annotations__": {}})
        with pytest.raises(TypeError, match="is taken by MessagePinned"):
            type("Other", (kind,), {"TOPIC": "room.message-pinned", "__annotations__": {}})
    after = (list(ROOM_EVENTS), dict(FOLDS), dict(Event.sealed_fields), dict(Event.topics))
    assert after == before


def part(name: str, *keys: str) -> type[Part]:
    """Returns a part with keys in its snapshot, which no room has yet."""

    def snapshot(self: Any) -> dict[str, Any]:
        return dict.fromkeys(keys, 0)

    made = type(name, (Part,), {"snapshot": snapshot, "restore": lambda self, state: None})
    room.PARTS.remove(made)
    return made


@pytest.mark.parametrize("key", ["kind", "members", "forgotten", "recent", "parts"])
def test_a_part_has_no_key_of_the_rooms_core(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setattr(Room, "part_classes", [part("Counting", "count", key)])
    with pytest.raises(TypeError, match=f"the key {key} of Counting is taken by Room"):
        check_parts(Room(""))


@pytest.mark.parametrize("key", ["name", "erased", "recent"])
def test_a_part_has_no_key_of_the_persons_core(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setattr(Person, "part_classes", [part("Counting", key)])
    with pytest.raises(TypeError, match=f"the key {key} of Counting is taken by Person"):
        check_parts(Person(""))


def test_parts_share_no_key_and_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Room, "part_classes", [*room.PARTS, part("Counting", "pins")])
    with pytest.raises(TypeError, match="the key pins of Counting is taken by Pins"):
        check_parts(Room(""))
    monkeypatch.setattr(Room, "part_classes", [Pins, part("Pins", "count")])
    with pytest.raises(TypeError, match="two parts Pins"):
        check_parts(Room(""))
    monkeypatch.setattr(Room, "part_classes", [*room.PARTS, part("Counting", "count")])
    whole: Composed = Room("")
    check_parts(whole)
    assert set(whole.parts) == set(Room.part_classes), "it is as it was"


@pytest.mark.parametrize(
    ("fields", "name"),
    [(EXTRAS, "pinned_by"), (FACTS, "pins"), (FACTS, "posted")]
    + [(EXTRAS, name) for name in MESSAGE]
    + [(FACTS, name) for name in HEADER],
)
def test_a_field_is_declared_once(fields: dict[str, Any], name: str) -> None:
    before = dict(fields)
    with pytest.raises(TypeError, match=f"has a field {name} already"):
        fields[name] = int
    assert fields == before


@pytest.mark.parametrize("name", [*HEADER, "posted"])
def test_what_is_kept_hides_nothing_of_the_header(name: str) -> None:
    view = RoomView()
    with pytest.raises(TypeError, match=f"{name} is a field of the header"):
        view.kept[name] = 1
    view.kept["topic"] = 1
    assert RoomView().restore(view.header()).kept == {"topic": 1}


def test_the_cores_fields_are_all_named() -> None:
    assert tuple(RoomView().header()) == HEADER
    assert set(_Message.model_fields) == set(MESSAGE)
