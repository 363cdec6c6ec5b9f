"""Property: a command that was accepted adds nothing when it is repeated, however late."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.memory.events import MemoryEvents, MemorySnapshots
from domain.aggregate import WINDOW
from domain.errors import CommandIdReused
from domain.executing import DirectExecutor
from domain.log import EventLog
from domain.ports.commands import Outcome
from domain.room.invitations import Join
from domain.room.lifecycle import CreateRoom
from domain.room.membership import Leave
from domain.room.messages import Delete, Edit, Post
from domain.room.reactions import React, Unreact
from tests.support.aggregates import ask, belong, decided, sealed
from tests.support.views import MemoryViews

PEOPLE = st.sampled_from(["u_ann", "u_bob", "u_cy"])
ACTIONS = st.sampled_from(["join", "leave", "post", "reply", "edit", "delete", "react", "unreact"])


class Room:
    """A room behind an executor, and what was accepted in it, each with its first `since`."""

    def __init__(self) -> None:
        self.log = EventLog(MemoryEvents(), MemorySnapshots())
        self.executor = DirectExecutor(self.log, MemoryViews(), lambda seconds: None)
        self.accepted: list[tuple[Any, int]] = []
        belong(self.log, "room", "u_ann", "u_bob", "u_cy")
        self.give(ask(CreateRoom, "u_ann", id="0", name=sealed("u_ann"), kind="public",
                      member_name=sealed("u_ann")))  # fmt: skip

    def head(self) -> int:
        return self.log.head("room")

    def ask(self, command: Any) -> Outcome:
        return decided(self.executor, self.log, "room", replace(command))

    def give(self, command: Any) -> None:
        since = self.head()
        command = replace(command, since=since)
        answer = self.ask(command)
        # What was refused or changed nothing left no trace to be told again.
        if isinstance(answer, int) and self.head() > since:
            self.accepted.append((command, answer))

    def act(self, index: int, who: str, action: str, target: int) -> None:
        common: dict[str, Any] = {"by": who, "id": f"c{index}"}
        made = {
            "join": lambda: ask(Join, name=sealed(who), **common),
            "leave": lambda: ask(Leave, **common),
            "post": lambda: ask(Post, text=sealed(who), kind="text", reply_to=None, **common),
            "reply": lambda: ask(Post, text=sealed(who), kind="text", reply_to=target, **common),
            "edit": lambda: ask(Edit, version=target, text=sealed(who, "new"), **common),
            "delete": lambda: ask(Delete, version=target, **common),
            "react": lambda: ask(React, version=target, emoji="👍", **common),
            "unreact": lambda: ask(Unreact, version=target, emoji="👍", **common),
        }
        self.give(made[action]())

    def fill(self, count: int) -> None:
        """Lets time pass: posts until the window forgot what came before."""
        for index in range(count):
            self.ask(ask(Post, "u_ann", id=f"f{self.head()}-{index}", text=sealed("u_ann"),
                         kind="text", reply_to=None))  # fmt: skip


def check(actions: list[tuple[str, str, int]], fill: int, evict: bool) -> None:
    room = Room()
    for index, (who, action, target) in enumerate(actions, 1):
        room.act(index, who, action, target)
    room.fill(fill)
    if evict:
        room.log.evict("room")
    head = room.head()
    for command, answer in room.accepted:
        assert room.ask(command) == answer
        assert isinstance(room.ask(replace(command, digest="other")), CommandIdReused)
    assert room.head() == head
    versions = [event.originator_version for event in room.log.events("room")]
    assert versions == list(range(1, head + 1))


CASES = {
    "actions": st.lists(st.tuples(PEOPLE, ACTIONS, st.integers(3, 12)), max_size=15),
    "fill": st.sampled_from([0, 5, WINDOW - 1, WINDOW, WINDOW + 40]),
    "evict": st.booleans(),
}


@given(**CASES)
def test_a_repeated_command_adds_nothing(
    actions: list[tuple[str, str, int]], fill: int, evict: bool
) -> None:
    check(actions, fill, evict)


@pytest.mark.long
@settings(max_examples=1_000, deadline=None, derandomize=False)
@given(**CASES)
def test_a_repeated_command_adds_nothing_a_thousand_times(
    actions: list[tuple[str, str, int]], fill: int, evict: bool
) -> None:
    check(actions, fill, evict)
