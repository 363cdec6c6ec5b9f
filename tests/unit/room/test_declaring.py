"""What a concern declares cannot take the place of what another one declared."""

from dataclasses import dataclass

import pytest

from domain.aggregate import Command
from domain.person import person
from domain.person.marks import MarkRead
from domain.room import room
from domain.room.pins import Pin


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
