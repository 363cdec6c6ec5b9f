"""Deciding and appending when others write too (rules 2, 4 and 6)."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from eventsourcing.persistence import OperationalError, StoredEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.memory.events import MemoryEvents, MemorySnapshots
from adapters.memory.progress import MemoryProgress
from adapters.memory.views import MemoryViews
from domain import log as log_module
from domain.aggregate import WINDOW, Command
from domain.chat.consumers import ProjectViews
from domain.chat.services import Services
from domain.consuming import Consuming
from domain.errors import NotAMember, RoomBusy
from domain.executing import ATTEMPTS, DirectExecutor, outcomes_of
from domain.log import EventLog
from domain.ports import Outcome
from domain.room import commands as c
from domain.room.room import MessagePosted
from tests.support.aggregates import ask, sealed

ROOM = "lobby"
PEOPLE = ("u_ann", "u_bob", "u_cy")


class Interleaving(MemoryEvents):
    """Lets `before` run ahead of an insert; what that inserts goes straight through."""

    def __init__(self) -> None:
        super().__init__()
        self.before: Callable[[], None] | None = None

    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        before, self.before = self.before, None
        if before is not None:
            before()
            self.before = before
        return super().insert_events(stored_events, **kwargs)


class Writer:
    """One process: its own cache over the shared log and views."""

    def __init__(self, recorder: MemoryEvents, views: MemoryViews) -> None:
        self.log = EventLog(recorder, MemorySnapshots())
        self.pauses: list[float] = []
        self.executor = DirectExecutor(self.log, views, self.pauses.append)

    def do(self, *commands: Command) -> list[Outcome]:
        return list(outcomes_of(self.executor, [(ROOM, commands)])[0])

    def one(self, command: Command) -> Outcome:
        (outcome,) = self.do(command)
        return outcome


class World:
    """A room of Ann (owner) and Bob, two writers, and a projector that is as late as it likes."""

    def __init__(self) -> None:
        self.recorder, self.views = Interleaving(), MemoryViews()
        self.a, self.b = Writer(self.recorder, self.views), Writer(self.recorder, self.views)
        assert self.a.one(create()) == 2
        assert self.a.one(join("u_bob")) == 3

    def versions(self) -> list[int]:
        return [stored.originator_version for stored in self.recorder.select_events(ROOM)]

    def ids(self) -> list[tuple[str, str]]:
        return [(event.by, event.id) for event in self.a.log.events(ROOM)]

    def project(self) -> None:
        services: Any = type("Views alone", (), {"views": self.views})()
        kept: Services = services
        Consuming(ProjectViews(kept), self.a.log, MemoryProgress(), lambda: "").feed(
            ROOM, self.a.log.events(ROOM)
        )


def create() -> Any:
    ann = sealed("u_ann")
    return ask(
        c.CreateRoom, "u_ann", id="create", since=0, name=ann, kind="public", member_name=ann
    )


def join(by: str, **more: Any) -> Any:
    return ask(c.Join, by, name=sealed(by), **{"id": "join", **more})


def post(by: str, **more: Any) -> Any:
    return ask(c.Post, by, text=sealed(by, "hi"), kind="text", reply_to=None, **more)


# Any interleaving

VERSION = st.integers(3, 12)
COMMAND: Any = st.one_of(
    st.tuples(st.just(c.Post), st.just({"kind": "text"}), st.none() | VERSION),
    st.tuples(st.just(c.Join) | st.just(c.Leave), st.just({}), st.none()),
    st.tuples(st.just(c.Edit) | st.just(c.Delete), st.just({}), VERSION),
    st.tuples(
        st.just(c.React) | st.just(c.Unreact),
        st.sampled_from("👍🎉").map(lambda emoji: {"emoji": emoji}),
        VERSION,
    ),
    st.tuples(
        st.just(c.SetRole) | st.just(c.RemoveMember) | st.just(c.AddMember),
        st.sampled_from(PEOPLE).map(lambda user: {"user": user}),
        st.none(),
    ),
)
STEP = st.tuples(st.sampled_from(PEOPLE), COMMAND)
PLANS = (
    st.lists(STEP, max_size=25),
    st.lists(STEP, max_size=25),
    st.lists(st.integers(0, 12), max_size=40),
)
"""What writer A asks, what writer B asks, and what happens ahead of each insert of A's: up to
eleven of B's commands, or the projector."""


def built(step: Any, id: str, since: int) -> Any:
    by, (kind, content, version) = step
    content = dict(content)
    if kind is c.Post:
        content.update(text=sealed(by, "hi"), reply_to=version)
    elif kind in (c.Edit, c.Delete, c.React, c.Unreact):
        content["message"] = version
    if kind is c.Edit:
        content["text"] = sealed(by, "ho")
    if kind in (c.Join, c.AddMember):
        content["name"] = sealed(content.get("user", by))
    if kind in (c.SetRole, c.AddMember):
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


# One by one


def test_a_lost_race_is_decided_again() -> None:
    world = World()
    world.a.one(post("u_ann", id="1"))
    world.b.one(post("u_ann", id="2"))
    assert world.a.one(post("u_ann", id="3")) == 6
    assert world.a.executor.conflicts == 1
    assert len(world.a.pauses) == 1
    numbers = [e.n for e in world.a.log.events(ROOM) if isinstance(e, MessagePosted)]
    assert numbers == [1, 2, 3]


def always_first(world: World) -> Callable[[], None]:
    """Returns what has the other writer post ahead of each insert."""
    ids = iter(range(1_000))

    def first() -> None:
        world.b.one(post("u_ann", id=f"first-{next(ids)}"))

    return first


def test_ten_lost_races_are_answered_room_busy() -> None:
    world = World()
    world.recorder.before = always_first(world)
    outcomes = world.a.do(post("u_bob", id="1"), post("u_bob", id="2"))
    assert [type(outcome) for outcome in outcomes] == [RoomBusy, RoomBusy]
    assert world.a.executor.conflicts == ATTEMPTS == 10
    assert len(world.versions()) == 3 + ATTEMPTS
    assert ("u_bob", "1") not in world.ids()
    world.recorder.before = None
    assert world.a.one(post("u_bob", id="1")) == 14


def test_the_tenth_attempt_may_win() -> None:
    world = World()
    first, lost = always_first(world), iter(range(ATTEMPTS - 1))
    world.recorder.before = lambda: first() if next(lost, None) is not None else None
    assert world.a.one(post("u_bob", id="1")) == 3 + ATTEMPTS


def test_pauses_are_short_and_grow() -> None:
    world = World()
    world.recorder.before = always_first(world)
    world.a.one(post("u_bob", id="1"))
    assert all(
        0 <= pause <= 0.01 * 2 ** min(attempt, 5) for attempt, pause in enumerate(world.a.pauses)
    )


def test_a_refusal_from_a_stale_cache_is_decided_again_at_the_head() -> None:
    world = World()
    assert world.a.one(post("u_bob", id="1")) == 4
    assert world.b.one(join("u_cy")) == 5
    assert world.a.one(post("u_cy", id="2")) == 6
    assert world.a.executor.conflicts == 0


def test_a_refusal_at_the_head_stands() -> None:
    world = World()
    assert isinstance(world.a.one(post("u_cy", id="1")), NotAMember)
    assert isinstance(world.b.one(post("u_cy", id="1")), NotAMember)


def test_that_nothing_changes_is_decided_at_the_head_too() -> None:
    """Bob was removed by way of the other writer; a stale cache that still has him as a member
    may not answer his joining."""
    world = World()
    assert world.a.one(post("u_bob", id="1")) == 4
    assert world.b.one(ask(c.RemoveMember, "u_ann", id="2", user="u_bob")) == 5
    assert world.a.one(join("u_bob", id="3")) == 6
    assert world.b.one(post("u_bob", id="4")) == 7


def test_a_retry_to_a_stale_writer_is_answered_with_the_first_ones_ack() -> None:
    """Writer B, who is at 5, finds the reaction in the log's tail; that it changes nothing is
    not the answer, the first one's version is."""
    world = World()
    assert world.b.one(post("u_ann", id="1")) == 4
    assert world.b.one(join("u_cy")) == 5
    react = ask(c.React, "u_ann", id="2", since=5, message=4, emoji="👍")
    assert world.a.one(react) == 6
    assert world.b.one(react) == 6


def test_a_batch_is_appended_all_or_nothing_and_refusals_stand_alone() -> None:
    world = World()
    world.b.one(post("u_ann", id="before"))
    outcomes = world.a.do(join("u_cy"), post("u_dan", id="1"), post("u_cy", id="2"))
    assert (outcomes[0], type(outcomes[1]), outcomes[2]) == (5, NotAMember, 6)
    assert world.ids()[4:] == [("u_cy", "join"), ("u_cy", "2")]


def test_commands_of_one_batch_see_each_other() -> None:
    world = World()
    outcomes = world.a.do(
        post("u_bob", id="1"),
        ask(c.React, "u_ann", id="2", message=4, emoji="👍"),
        ask(c.React, "u_ann", id="3", message=4, emoji="👍"),
        ask(c.Delete, "u_bob", id="4", message=4),
        ask(c.React, "u_ann", id="5", message=4, emoji="🎉"),
        post("u_bob", id="1"),
    )
    assert outcomes[:4] == [4, 5, 5, 6]
    assert not isinstance(outcomes[4], int)
    assert outcomes[5] == 4


def failing_once(world: World, *, after: bool) -> None:
    """Has the next insert fail, before or after the events are in the log."""
    insert = MemoryEvents.insert_events

    def fail(events: Sequence[StoredEvent], **kwargs: Any) -> None:
        del world.recorder.insert_events
        if after:
            insert(world.recorder, events)
        raise OperationalError("the line went dead")

    world.recorder.insert_events = fail  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize("after", [False, True])
def test_a_failing_insert_evicts_and_a_retry_is_exact(after: bool) -> None:
    world = World()
    command = post("u_bob", id="1", since=3)
    failing_once(world, after=after)
    with pytest.raises(OperationalError):
        world.a.one(command)
    assert world.a.log.cached(ROOM) is None
    assert world.a.one(command) == 4
    assert world.versions() == [1, 2, 3, 4]


def test_a_warm_command_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.a.one(post("u_bob", id="1"))
    monkeypatch.setattr(world.recorder, "select_events", None)
    assert world.a.one(post("u_bob", id="2")) == 5


@pytest.mark.parametrize("projected", [0, 4, 5, 6])
def test_a_message_is_decided_on_by_the_view_and_the_log_after_it(projected: int) -> None:
    """Wherever the view stands, a deleted message takes no reaction."""
    world = World()
    for version, command in enumerate((
        post("u_bob", id="1"),
        ask(c.React, "u_ann", id="2", message=4, emoji="👍"),
        ask(c.Delete, "u_bob", id="3", message=4),
    ), 4):  # fmt: skip
        if version == projected:
            world.project()
        assert world.a.one(command) == version
    if projected == 6:
        world.project()
    for writer in (world.a, world.b):
        assert not isinstance(writer.one(ask(c.React, "u_ann", message=4, emoji="🎉")), int)


def test_snapshots_are_written_and_change_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "SNAPSHOT_EVERY", 10)
    world = World()
    for number in range(25):
        world.a.one(post("u_bob", id=f"{number}", since=3))
    snapshots = world.a.log.snapshot_store.recorder.select_events(ROOM)
    assert [stored.originator_version for stored in snapshots] == [10, 20]
    warm = world.a.log.load(ROOM)
    world.a.log.evict(ROOM)
    cold = world.a.log.load(ROOM)
    assert cold is not warm
    assert {**vars(cold), "tail": None} == {**vars(warm), "tail": None}
    assert world.a.one(post("u_bob", id="0", since=3)) == 4
