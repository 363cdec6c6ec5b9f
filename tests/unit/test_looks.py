"""A new command's fields are looked up by the function that its own module registers."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from domain.aggregate import Command
from domain.chat import building
from domain.chat.building import Plan
from domain.chat.commanding import Commanding
from domain.chat.looks import LOOKS, looks_up
from domain.protocol.types import UserId
from domain.room.messages import Post
from tests.support.chat import memory_chat, person


@dataclass(kw_only=True, slots=True)
class Ban(Command):
    whom: UserId
    name: str


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.setitem(LOOKS, Ban, None)  # so that it is dropped afterwards
    del LOOKS[Ban]
    looks_up(Ban, people=("whom",))(lambda s, user, frame, base: {"name": f"{frame.whom}?"})
    plan = Plan.of(Ban)
    monkeypatch.setitem(building.PLANS, "ban", plan)
    return plan


def test_a_command_is_built_with_what_is_looked_up(plan: Plan) -> None:
    chat = memory_chat()
    common = {"by": "u_ann", "id": "c", "at": "", "recorded_at": "", "digest": ""}
    frame = SimpleNamespace(whom="u_bob")
    built: Any = plan.build(chat.services, "u_ann", frame, common)
    assert (built.whom, built.name) == ("u_bob", "u_bob?")


def test_the_logs_that_it_reads_are_prepared(plan: Plan) -> None:
    assert plan.command is Ban
    chat = memory_chat()
    people: list[Any] = []
    preparing: Any = SimpleNamespace(in_turn=lambda id, named, take, refuse: people.append(named))
    connection = person(chat, "ann").connection
    commanding = Commanding(chat.services, chat.reading, preparing)
    commanding.command(connection, SimpleNamespace(action="ban", whom="u_bob", since=None))
    assert people == [("u_ann", "u_bob")]


def test_a_command_has_one_such_function() -> None:
    with pytest.raises(TypeError):
        looks_up(Post)(lambda s, user, frame, base: {})
