"""Deciding and appending when others write too (rules 2, 4 and 6)."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from eventsourcing.persistence import OperationalError, StoredEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.memory.events import MemoryEvents, MemorySnapshots
from adapters.memory.progress import MemoryProgress
from domain import deciding
from domain import log as log_module
from domain.aggregate import WINDOW, Command
from domain.chat.projecting import ProjectViews
from domain.chat.services import Services
from domain.consuming import Consuming, Record
from domain.errors import DeletedMessage, NotAMember, ParleyError, RoomBusy, Throttled
from domain.executing import ATTEMPTS, PAUSE, DirectExecutor, outcomes_of
from domain.log import EventLog, envelope
from domain.ports.commands import Outcome
from domain.room.invitations import AddMember, Join, RemoveMember
from domain.room.lifecycle import CreateRoom
from domain.room.membership import Leave, SetRole
from domain.room.messages import Delete, Edit, MessagePosted, Post
from domain.room.reactions import React, Unreact
from domain.room.tail import MESSAGE_BYTES
from tests.support.aggregates import ask, belong, decided, sealed
from tests.support.views import MemoryViews, NoWords

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
            try:
                before()
            finally:
                self.before = before
        return super().insert_events(stored_events, **kwargs)


class Writer:
    """One process: its own cache over the shared log and views."""

    def __init__(self, recorder: MemoryEvents, views: MemoryViews) -> None:
        self.log = EventLog(recorder, MemorySnapshots())
        self.pauses: list[float] = []
        self.announced: list[tuple[str, int]] = []
        self.executor = DirectExecutor(self.log, views, self.pauses.append, self.announce)

    def announce(self, events: Sequence[StoredEvent]) -> Callable[[], None]:
        self.announced += [(event.topic, event.originator_version) for event in events]
        return lambda: None

    def do(self, *commands: Command) -> list[Outcome]:
        return list(outcomes_of(self.executor, [(ROOM, commands)])[0])

    def one(self, command: Command) -> Outcome:
        return decided(self.executor, self.log, ROOM, replace(command))


class World:
    """A room of Ann (owner) and Bob, two writers, and a projector that is as late as it likes."""

    def __init__(self) -> None:
        self.recorder, self.views = Interleaving(), MemoryViews()
        self.a, self.b = Writer(self.recorder, self.views), Writer(self.recorder, self.views)
        belong(self.a.log, ROOM, *PEOPLE)
        assert self.a.one(create()) == 2
        assert self.a.one(join("u_bob")) == 3

    def versions(self) -> list[int]:
        return [stored.originator_version for stored in self.recorder.select_events(ROOM)]

    def ids(self) -> list[tuple[str, str]]:
        return [(event.by, event.id) for event in self.a.log.events(ROOM)]

    def project(self) -> None:
        services: Any = type(
            "Views and log", (), {"views": self.views, "log": self.a.log, "vault": NoWords()}
        )()
        kept: Services = services
        consuming = Consuming(ProjectViews(kept), self.a.log, MemoryProgress(), lambda: "")
        stored = self.recorder.select_events(ROOM)
        assert (
            consuming.consume([Record(str(number), envelope(e)) for number, e in enumerate(stored)])
            == []
        )


def create() -> Any:
    ann = sealed("u_ann")
    return ask(CreateRoom, "u_ann", id="create", since=0, name=ann, kind="public", member_name=ann)


def join(by: str, **more: Any) -> Any:
    return ask(Join, by, name=sealed(by), **{"id": "join", **more})


def post(by: str, **more: Any) -> Any:
    return ask(Post, by, text=sealed(by, "hi"), kind="text", reply_to=None, **more)


# Any interleaving

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


# One by one


def test_a_lost_race_is_decided_again() -> None:
    world = World()
    world.a.one(post("u_ann", id="1"))
    world.b.one(post("u_ann", id="2"))
    assert world.a.one(post("u_ann", id="3")) == 6
    assert world.a.executor.conflicts == 1
    assert world.a.pauses == [], "its memory was behind, nobody writes right now"
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
    assert len(world.a.pauses) == ATTEMPTS - 2
    assert all(
        0 <= pause <= PAUSE * 2 ** min(attempt, 5)
        for attempt, pause in enumerate(world.a.pauses, 2)
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
    assert world.b.one(ask(RemoveMember, "u_ann", id="2", user="u_bob")) == 5
    assert world.a.one(join("u_bob", id="3")) == 6
    assert world.b.one(post("u_bob", id="4")) == 7


def test_a_retry_to_a_stale_writer_is_answered_with_the_first_ones_ack() -> None:
    """Writer B, who is at 5, finds the reaction in the log's tail; that it changes nothing is
    not the answer, the first one's version is."""
    world = World()
    assert world.b.one(post("u_ann", id="1")) == 4
    assert world.b.one(join("u_cy")) == 5
    react = ask(React, "u_ann", id="2", since=5, version=4, emoji="👍")
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
        ask(React, "u_ann", id="2", version=4, emoji="👍"),
        ask(React, "u_ann", id="3", version=4, emoji="👍"),
        ask(Delete, "u_bob", id="4", version=4),
        ask(React, "u_ann", id="5", version=4, emoji="🎉"),
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
        ask(React, "u_ann", id="2", version=4, emoji="👍"),
        ask(Delete, "u_bob", id="3", version=4),
    ), 4):  # fmt: skip
        if version == projected:
            world.project()
        assert world.a.one(command) == version
    if projected == 6:
        world.project()
    for writer in (world.a, world.b):
        assert not isinstance(writer.one(ask(React, "u_ann", version=4, emoji="🎉")), int)


def test_a_batch_decides_on_what_its_own_commands_did_to_a_message() -> None:
    """Nothing of it is in the log or in the views yet."""
    world = World()
    reply = post("u_ann", id="4", reply_to_command=("u_bob", "1"))
    first, reacted, deleted, refused, edited, second, answered = world.a.do(
        post("u_bob", id="1"),
        ask(React, "u_ann", id="2", version=4, emoji="👍"),
        ask(Delete, "u_bob", id="3", version=4),
        reply,
        ask(Edit, "u_bob", id="5", version=4, text=sealed("u_bob", "ho")),
        post("u_bob", id="6"),
        post("u_ann", id="7", reply_to_command=("u_bob", "6")),
    )
    assert (first, reacted, deleted, second, answered) == (4, 5, 6, 7, 8)
    assert isinstance(refused, DeletedMessage)
    assert isinstance(edited, DeletedMessage)
    event: Any = world.a.log.events(ROOM)[-1]
    assert event.reply_to == 7
    # And the same once it is in the log, by a process that has folded nothing.
    assert isinstance(world.b.one(reply), DeletedMessage)


def test_what_deciding_keeps_of_messages_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages that were decided on are remembered until there are many, then read again."""
    monkeypatch.setattr(deciding, "MAX_TAIL", 10)
    world = World()
    for number in range(40):
        version = world.a.one(post("u_bob", id=f"p{number}"))
        assert isinstance(version, int)
        react = ask(React, "u_ann", id=f"r{number}", version=version, emoji="👍")
        assert world.a.one(react) == version + 1
        tail = world.a.log.load(ROOM).tail
        assert tail is not None
        # With views that know nothing all is folded once more; a view that is up to date leaves
        # the message that is asked for.
        if number % 4 == 3:
            world.project()
            assert len(tail.messages) <= 10 + 4 + 4
    # What was forgotten is found again: a message of the beginning and its reaction.
    assert world.a.one(ask(React, "u_ann", id="again", version=4, emoji="👍")) == 83
    assert isinstance(world.a.one(ask(Delete, "u_bob", id="d", version=4)), int)
    assert isinstance(
        world.a.one(ask(React, "u_ann", id="late", version=4, emoji="🎉")), DeletedMessage
    )


def test_a_heavy_tail_is_folded_once_while_the_view_stands_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Long messages that the view does not have yet, then commands that each need one."""
    monkeypatch.setattr(deciding, "MAX_TAIL_BYTES", 20_000)
    world = World()
    for number in range(20):
        world.a.one(post("u_bob", id=f"p{number}"))
    select, reads = world.recorder.select_events, []

    def counted(*arguments: Any, **named: Any) -> Any:
        found = select(*arguments, **named)
        reads.append(len(found))
        return found

    monkeypatch.setattr(world.recorder, "select_events", counted)
    for number in range(10):
        react = ask(React, "u_ann", id=f"r{number}", version=4 + number, emoji="👍")
        (outcome,) = world.a.do(react)
        assert outcome == 24 + number
    tail = world.a.log.load(ROOM).tail
    assert tail is not None
    assert tail.weight > deciding.MAX_TAIL_BYTES
    # The room's 23 events once, then the one that each command before appended.
    assert sum(reads) <= 23 + 10
    monkeypatch.undo()
    world.project()
    again = ask(React, "u_ann", id="again", version=4, emoji="👍")
    assert world.a.one(again) == 33, "it is there already"
    assert world.a.one(ask(Edit, "u_bob", id="edit", version=5, text=sealed("u_bob"))) == 34


def test_refused_commands_do_not_let_a_tail_grow_while_the_view_stands_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing happens in the room, and somebody asks for one message after the other."""
    monkeypatch.setattr(deciding, "MAX_TAIL_BYTES", 20_000)
    world = World()
    for number in range(60):
        world.a.one(post("u_bob", id=f"p{number}"))
    world.project()
    world.a.log.evict(ROOM)
    decider, room = deciding.Decider(world.a.log, world.views), world.a.log.load(ROOM)
    for number in range(60):
        edit = ask(Edit, "u_ann", id=f"e{number}", version=4 + number, text=sealed("u_ann"))
        assert isinstance(decider.decide(room, edit), ParleyError)
        assert room.tail is not None
        assert room.tail.weight < 20_000 + 2 * MESSAGE_BYTES


def test_snapshots_are_written_and_change_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "SNAPSHOT_EVERY", 10)
    world = World()
    for number in range(25):
        world.a.one(post("u_bob", id=f"{number}", since=3))
    snapshots = world.a.log.snapshot_store.recorder.select_events(ROOM)
    assert [stored.originator_version for stored in snapshots] == [20]
    warm = world.a.log.load(ROOM)
    world.a.log.evict(ROOM)
    cold = world.a.log.load(ROOM)
    assert cold is not warm
    assert {**vars(cold), "tail": None} == {**vars(warm), "tail": None}
    assert world.a.one(post("u_bob", id="0", since=3)) == 4


# Folding the tail


class Reads:
    """Notes the version after which each read of a recorder begins."""

    def __init__(self, recorder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[int | None] = []
        select = recorder.select_events

        def noted(originator_id: str, **how: Any) -> Any:
            self.asked.append(how.get("gt"))
            return select(originator_id, **how)

        monkeypatch.setattr(recorder, "select_events", noted)


def test_a_lost_race_reads_but_what_came_since(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.b.one(post("u_ann", id="1"))  # B folds the room: 3 events
    for number in range(20):
        world.a.one(post("u_ann", id=f"a{number}"))
    reads = Reads(world.recorder, monkeypatch)
    assert world.b.one(post("u_bob", id="2")) == 25
    assert reads.asked == [3]
    world.a.one(post("u_ann", id="last"))
    reads.asked.clear()
    assert world.b.one(post("u_bob", id="3")) == 27
    assert reads.asked == [24]


def test_a_snapshot_shortens_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "SNAPSHOT_EVERY", 10)
    world = World()
    for number in range(9):
        world.a.one(post("u_ann", id=f"a{number}"))
    world.b.one(post("u_ann", id="1"))
    reads = Reads(world.recorder, monkeypatch)
    assert world.a.one(post("u_bob", id="2")) == 14
    assert reads.asked == [10]


@pytest.mark.parametrize(("since", "begins"), [(8, [4]), (30, [4, 30])])
def test_who_was_away_for_long_begins_at_a_stored_snapshot(
    since: int, begins: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "SNAPSHOT_EVERY", 10)
    world = World()
    world.b.one(post("u_ann", id="1"))
    world.b.log.evict(ROOM)
    world.b.log.snapshot_store.recorder = world.a.log.snapshot_store.recorder
    world.b.one(post("u_nobody", id="refused"))  # folds and keeps nothing new: version 4
    for number in range(since):
        world.a.one(post("u_ann", id=f"a{number}"))
    reads = Reads(world.recorder, monkeypatch)
    assert world.b.one(post("u_bob", id="2")) == 4 + since + 1
    assert reads.asked == begins


def test_what_never_happened_is_in_no_checkpoint() -> None:
    """A removes Bob and loses each time: what it decided is not what it goes on from."""
    world = World()
    world.recorder.before = always_first(world)
    removal = ask(RemoveMember, "u_ann", id="never", user="u_bob")
    assert isinstance(world.a.one(removal), RoomBusy)
    world.recorder.before = None
    world.b.one(post("u_ann", id="between"))
    assert isinstance(world.a.one(post("u_bob", id="here")), int)
    folded = EventLog(world.recorder, MemorySnapshots()).load(ROOM)
    assert {**vars(world.a.log.load(ROOM)), "tail": None} == vars(folded)


# Throttling


class Throttling:
    """Has the first `times` inserts of a recorder throttled; `after` lets each happen unseen."""

    def __init__(self, world: World, times: int, *, after: bool = False) -> None:
        self.left, self.tried, self.after = times, list[list[int]](), after
        self._insert: Callable[..., Any] = world.recorder.insert_events
        world.recorder.insert_events = self  # type: ignore[method-assign, assignment]

    def __call__(self, events: Sequence[StoredEvent], **kwargs: Any) -> Any:
        self.tried.append([event.originator_version for event in events])
        self.left -= 1
        if self.left < 0:
            return self._insert(events, **kwargs)
        if self.after:
            self._insert(events, **kwargs)
        raise Throttled


@pytest.mark.parametrize("times", [1, 4, ATTEMPTS - 1])
def test_a_throttled_append_is_tried_again_without_a_read(
    times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    throttling = Throttling(world, times)
    monkeypatch.setattr(world.recorder, "select_events", None)
    assert world.a.one(post("u_bob", id="1")) == 4
    assert throttling.tried == [[4]] * (times + 1)
    assert len(world.a.pauses) == times
    assert all(0 <= pause <= PAUSE * 2 ** min(n, 5) for n, pause in enumerate(world.a.pauses, 1))
    assert world.a.executor.conflicts == 0


def test_throttling_that_lasts_is_answered_room_busy_and_evicts() -> None:
    world = World()
    throttling = Throttling(world, ATTEMPTS)
    outcomes = world.a.do(post("u_bob", id="1"), post("u_ann", id="2"))
    assert [type(outcome) for outcome in outcomes] == [Throttled, Throttled]
    assert all(isinstance(outcome, RoomBusy) for outcome in outcomes)
    assert len(throttling.tried) == ATTEMPTS
    assert world.a.log.cached(ROOM) is None
    assert world.versions() == [1, 2, 3]
    assert world.a.announced[-1] == ("room.member-joined", 3)
    assert world.a.one(post("u_bob", id="1")) == 4


def test_a_throttled_append_that_happened_is_answered_once() -> None:
    """What failed on the server's side may have been written all the same."""
    world = World()
    Throttling(world, 1, after=True)
    assert world.a.one(post("u_bob", id="1")) == 4
    assert world.versions() == [1, 2, 3, 4]
    assert world.a.one(post("u_bob", id="2")) == 5


def test_races_and_throttling_share_the_attempts() -> None:
    world = World()
    throttling = Throttling(world, 3)
    world.b.log.evict(ROOM)
    insert, first = throttling._insert, always_first(world)

    def lose(events: Sequence[StoredEvent], **kwargs: Any) -> Any:
        if events[0].originator_version < 10:
            world.recorder.insert_events = insert  # type: ignore[method-assign]
            first()
            world.recorder.insert_events = throttling  # type: ignore[method-assign, assignment]
        return insert(events, **kwargs)

    throttling._insert = lose
    assert world.a.one(post("u_bob", id="1")) == 10
    assert world.a.executor.conflicts == 6
    assert len(throttling.tried) == ATTEMPTS
    assert len(world.a.pauses) == ATTEMPTS - 2


@pytest.mark.parametrize("warm", [False, True])
def test_a_throttled_read_is_answered_room_busy(
    warm: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The adapter's retries are spent by then."""
    world = World()
    if not warm:
        world.a.log.evict(ROOM)
    command = ask(Delete, "u_bob", id="1", version=4) if warm else post("u_bob", id="1")
    world.b.one(post("u_bob", id="0"))
    if warm:
        assert world.a.one(post("u_ann", id="warm")) == 5

    def throttled(*args: Any, **kwargs: Any) -> Any:
        raise Throttled

    with monkeypatch.context() as patched:
        patched.setattr(world.recorder, "select_events", throttled)
        (outcome,) = world.a.do(command)
    assert isinstance(outcome, Throttled)
    assert isinstance(world.a.one(command), int)


def test_a_read_that_fails_midway_leaves_no_half_folded_message() -> None:
    """The view fails while the tail is folded: the reaction must not be applied twice after."""
    world = World()
    world.a.one(post("u_bob", id="1"))
    world.project()
    world.a.one(ask(React, "u_ann", id="2", version=4, emoji="👍"))
    world.a.log.evict(ROOM)
    message, left = world.views.message, [1]

    def failing(room: str, version: int) -> Any:
        if left:
            left.pop()
            raise Throttled
        return message(room, version)

    world.views.message = failing  # type: ignore[method-assign]
    react = ask(React, "u_bob", id="3", version=4, emoji="🎉")
    assert isinstance(world.a.one(react), Throttled)
    assert world.a.one(react) == 6
    tail = world.a.log.load(ROOM).tail
    assert tail is not None
    assert (tail.version, tail.messages[4]["reactions"]) == (5, {"👍": ["u_ann"]})


# Announcing


def noting(world: World, order: list[str]) -> None:
    """Has the first writer note when announcing begins and when it is waited for."""

    def announce(events: Sequence[StoredEvent]) -> Callable[[], None]:
        order.append(",".join(str(event.originator_version) for event in events))
        return lambda: order.append("announced")

    world.a.executor._announce = announce


def test_the_reply_goes_out_while_what_was_appended_is_announced() -> None:
    world, order = World(), list[str]()
    noting(world, order)
    world.a.executor.execute(
        ROOM,
        [post("u_bob", id="1"), post("u_cy", id="2"), post("u_ann", id="3")],
        lambda outcomes: order.append("reply"),
    )
    assert order == ["4,5", "reply", "announced"]


def test_a_reply_that_fails_waits_for_the_announcing_all_the_same() -> None:
    world, order = World(), list[str]()
    noting(world, order)

    def fail(outcomes: Sequence[Outcome]) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        world.a.executor.execute(ROOM, [post("u_bob", id="1")], fail)
    assert order == ["4", "announced"]


def test_a_publish_that_hangs_holds_the_handler_up_and_not_the_reply() -> None:
    """With a thread, as on AWS: the function must not be frozen before the publish ended."""
    world = World()
    begun, may, replied, returned = (threading.Event() for _ in range(4))

    def publish() -> None:
        begun.set()
        assert may.wait(30)

    def execute() -> None:
        world.a.executor.execute(ROOM, [post("u_bob", id="1")], lambda outcomes: replied.set())
        returned.set()

    with ThreadPoolExecutor(2) as threads:
        world.a.executor._announce = lambda events: threads.submit(publish).result
        handler = threads.submit(execute)
        assert begun.wait(30)
        assert replied.wait(30)
        assert not returned.is_set()
        may.set()
        handler.result(30)
    assert returned.is_set()


def test_only_what_was_appended_is_announced() -> None:
    world = World()
    assert world.a.announced == [
        ("room.created", 1),
        ("room.member-joined", 2),
        ("room.member-joined", 3),
    ]
    world.a.announced.clear()
    world.a.do(post("u_cy", id="refused"), join("u_bob", id="no change"))
    world.recorder.before = always_first(world)
    world.a.one(post("u_bob", id="lost"))
    assert world.a.announced == []
    world.recorder.before = None
    world.a.one(post("u_bob", id="1"))
    world.a.one(post("u_bob", id="1"))
    assert len(world.a.announced) == 1


# Snapshots


@pytest.mark.parametrize("failure", [OperationalError("no disk"), Throttled()])
def test_a_snapshot_that_fails_is_only_missing(
    failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "SNAPSHOT_EVERY", 5)
    world = World()

    def fail(*args: Any, **kwargs: Any) -> Any:
        raise failure

    snapshots = world.a.log.snapshot_store.recorder
    with monkeypatch.context() as patched:
        patched.setattr(snapshots, "insert_events", fail)
        assert [world.a.one(post("u_bob", id=f"{n}")) for n in range(4)] == [4, 5, 6, 7]
    assert list(snapshots.select_events(ROOM)) == []
    world.a.log.evict(ROOM)
    assert [world.a.one(post("u_bob", id=f"later {n}")) for n in range(4)] == [8, 9, 10, 11]
    assert [stored.originator_version for stored in snapshots.select_events(ROOM)] == [10]


def test_a_snapshot_that_fails_is_reported_and_tried_again_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_module, "SNAPSHOT_EVERY", 100)
    world, tried, told = World(), list[int](), list[tuple[str, str]]()
    executor = DirectExecutor(
        world.a.log,
        world.views,
        report=lambda log_id, error: told.append((log_id, type(error).__name__)),
    )

    def fail(stored: Any) -> Any:
        tried.append(stored[0].originator_version)
        raise OperationalError("no")

    def fill(upto: int) -> None:
        for version in range(world.a.log.head(ROOM) + 1, upto + 1):
            executor.execute(ROOM, [post("u_bob", id=f"{version}")], lambda outcomes: None)

    snapshots = world.a.log.snapshot_store.recorder
    with monkeypatch.context() as patched:
        patched.setattr(snapshots, "insert_events", fail)
        fill(140)
    # With the next event, then after two more, four …
    assert tried == [100, 101, 103, 107, 115, 131]
    assert told == [(ROOM, "OperationalError")] * 6
    # Once it succeeds it is due at the multiples alone.
    fill(250)
    assert [stored.originator_version for stored in snapshots.select_events(ROOM)] == [200]
    assert len(told) == 6


def test_a_snapshot_that_another_process_failed_to_save_is_due_with_the_next_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_module, "SNAPSHOT_EVERY", 20)
    monkeypatch.setattr(log_module, "OVERDUE", 5)
    world = World()
    snapshots = world.a.log.snapshot_store.recorder
    for version in range(4, 28):
        world.b.one(post("u_bob", id=f"{version}"))
    assert list(snapshots.select_events(ROOM)) == []  # B keeps its own
    world.a.log.evict(ROOM)
    assert world.a.one(post("u_ann", id="next")) == 28
    assert [stored.originator_version for stored in snapshots.select_events(ROOM)] == [28]
    world.a.one(post("u_ann", id="later"))
    assert [stored.originator_version for stored in snapshots.select_events(ROOM)] == [28]


def test_a_snapshot_is_written_after_the_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "SNAPSHOT_EVERY", 4)
    world, seen = World(), list[int]()
    snapshots = world.a.log.snapshot_store.recorder
    world.a.executor.execute(
        ROOM,
        [post("u_bob", id="1")],
        lambda outcomes: seen.append(len(snapshots.select_events(ROOM))),
    )
    assert seen == [0]
    assert len(snapshots.select_events(ROOM)) == 1
