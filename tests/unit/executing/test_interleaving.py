"""Any interleaving of two writers ends in one order, and each is answered by it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.memory.events import MemorySnapshots
from domain.aggregate import WINDOW
from domain.errors import Throttled
from domain.log import EventLog
from domain.ports.commands import Outcome
from domain.room.invitations import AddMember, Join, RemoveMember
from domain.room.membership import Leave, SetRole
from domain.room.messages import Delete, Edit, Post
from domain.room.reactions import React, Unreact
from tests.support.aggregates import ask, sealed
from tests.unit.executing.world import PEOPLE, ROOM, World, Writer, post

VERSION = st.integers(3, 12)
COMMAND: Any = st.one_of(
    st.tuples(st.just(Post), st.just({"kind": "text"}), st.none() | VERSION),
    st.tuples(st.just(Join) | st.just(Leave), st.just({}), st.none()),
    st.tuples(st.just(Edit) | st.just(Delete), st.just({}), VERSION),
    st.tuples(
        st.just(React) | st.just(Unreact),
        st.sampled_from("👍🎉").map(lambda emoji: {"emoji": emoji}),
        VERSION,
    ),
    st.tuples(
        st.just(SetRole) | st.just(RemoveMember) | st.just(AddMember),
        st.sampled_from(PEOPLE).map(lambda user: {"user": user}),
        st.none(),
    ),
)
STEP = st.tuples(st.sampled_from(PEOPLE), COMMAND)
PLANS = (
    st.lists(STEP, max_size=25),
    st.lists(STEP, max_size=25),
    st.lists(st.integers(0, 13), max_size=40),
)
"""What writer A asks, what writer B asks, and what happens ahead of each insert of A's: up to
eleven of B's commands, the projector, or that it is throttled."""


def built(step: Any, id: str, since: int) -> Any:
    by, (kind, content, version) = step
    content = dict(content)
    if kind is Post:
        content.update(text=sealed(by, "hi"), reply_to=version)
    elif kind in (Edit, Delete, React, Unreact):
        content["version"] = version
    if kind is Edit:
        content["text"] = sealed(by, "ho")
    if kind in (Join, AddMember):
        content["name"] = sealed(content.get("user", by))
    if kind in (SetRole, AddMember):
        content["role"] = "moderator"
    return ask(kind, by, id=id, since=since, **content)


def check_interleaving(asked_a: list[Any], asked_b: list[Any], schedule: list[int]) -> None:
    world = World()
    told: list[tuple[Any, Outcome]] = []
    waiting = [(f"b{number}", step) for number, step in enumerate(asked_b)]
    turns = iter(schedule)

    def run(writer: Writer, id: str, step: Any) -> None:
        command = built(step, id, len(world.versions()))
        told.append((command, writer.one(command)))

    def before() -> None:
        turn = next(turns, 0)
        if turn == 12:
            world.project()
            return
        if turn == 13:
            raise Throttled
        for _ in range(min(turn, len(waiting))):
            run(world.b, *waiting.pop(0))

    world.recorder.before = before
    for number, step in enumerate(asked_a):
        run(world.a, f"a{number}", step)
    world.recorder.before = None
    while waiting:
        run(world.b, *waiting.pop(0))

    assert world.versions() == list(range(1, len(world.versions()) + 1)), "gapless"
    check_told(world, told)
    check_decided_at_the_head(world, told)
    check_repeated(world, told)


def check_told(world: World, told: list[tuple[Any, Outcome]]) -> None:
    """What was acknowledged stands in the log once, what was refused does not."""
    ids = world.ids()
    assert len(set(ids[2:])) == len(ids[2:]), "one event a command, once"
    for command, outcome in told:
        stands = (command.by, command.id) in ids
        if isinstance(outcome, int):
            assert 0 < outcome <= len(ids)
            assert not stands or ids[outcome - 1] == (command.by, command.id)
        else:
            assert not stands


def check_decided_at_the_head(world: World, told: list[tuple[Any, Outcome]]) -> None:
    """One writer who is asked the same in the log's order gives the same log."""
    ids = world.ids()
    accepted = {(command.by, command.id): command for command, _ in told}
    alone = World()
    for by_and_id in ids[3:]:
        assert isinstance(alone.a.one(accepted[by_and_id]), int)
    assert [e.wire() for e in alone.a.log.events(ROOM)] == [
        e.wire() for e in world.a.log.events(ROOM)
    ]
    folded = EventLog(world.recorder, MemorySnapshots()).load(ROOM)
    for writer in (world.a, world.b):
        cached = writer.log.cached(ROOM)
        if cached is not None and cached.version == folded.version:
            assert {**vars(cached), "tail": None} == vars(folded)


def check_repeated(world: World, told: list[tuple[Any, Outcome]]) -> None:
    """A repeated command is answered as it was and adds nothing, however late, by whomever."""
    world.a.do(*(post("u_ann", id=f"between-{number}") for number in range(WINDOW)))
    ids = world.ids()
    for command, outcome in told:
        if (command.by, command.id) in ids:
            assert world.a.one(command) == outcome
            assert world.b.one(command) == outcome
    assert world.ids() == ids


@given(*PLANS)
def test_any_interleaving_of_two_writers(a: list[Any], b: list[Any], schedule: list[int]) -> None:
    check_interleaving(a, b, schedule)


@pytest.mark.long
@settings(max_examples=1_000, derandomize=False)
@given(*PLANS)
def test_any_interleaving_of_two_writers_a_thousand_times(
    a: list[Any], b: list[Any], schedule: list[int]
) -> None:
    check_interleaving(a, b, schedule)
