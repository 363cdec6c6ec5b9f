"""Consumers, over any delivery: once, in order, poison set aside (rule 8)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.memory.progress import MemoryProgress
from adapters.memory.views import MemoryStore
from domain.aggregate import Command
from domain.chat import Chat
from domain.consuming import MAX_RECEIVES
from domain.errors import RoomBusy
from domain.log import is_person
from domain.person.memberships import Memberships
from domain.person.person import Person
from domain.ports.commands import Executor, Reply
from domain.projections.store import Fold, Head
from domain.room.room import Room
from tests.support.chat import memory_chat, person, records
from tests.support.views import MemoryViews
from tests.unit.consuming.logs import (
    changed,
    consuming,
    fed,
    history,
    log_of,
    recorded,
    told,
    without_a_field,
)


class FlakyViews(MemoryViews):
    """Fails at chosen calls."""

    def __init__(self, failing: set[int]) -> None:
        super().__init__()
        self.store = self.flaky = _FlakyStore(failing)


class _FlakyStore(MemoryStore):
    def __init__(self, failing: set[int]) -> None:
        super().__init__()
        self.failing = failing
        self.calls = 0

    def _may_fail(self) -> None:
        self.calls += 1
        if self.calls in self.failing:
            raise OSError("the disk is tired")

    def base(self, stream: str) -> Head:
        self._may_fail()
        return super().base(stream)

    def save(self, stream: str, expected: int, fold: Fold) -> bool:
        self._may_fail()
        return super().save(stream, expected, fold)


Poison = Callable[[StoredEvent], StoredEvent]
POISONS: dict[str, Poison] = {
    "a field is missing": without_a_field,
    "unknown topic": lambda event: changed(event, topic="room.never-heard-of"),
    "not JSON": lambda event: changed(event, state=b'{"by":'),
    "no object": lambda event: changed(event, state=b"[]"),
    "a snapshot": lambda event: changed(event, topic="room.snapshot", state=b"{}"),
}


def is_last(index: int) -> bool:
    """What is last in its log cannot be missed by what follows, so it is left alone."""
    log_id = history()[index].originator_id
    return all(event.originator_id != log_id for event in history()[index + 1 :])


@st.composite
def poisoned(draw: st.DrawFn) -> dict[int, str]:
    """Draws which events of the history are poison, and how."""
    # A lost MemberJoined is left to a test of its own below.
    able = [
        index
        for index, event in enumerate(history())
        if not is_last(index) and event.topic != "room.member-joined"
    ]
    drawn = draw(
        st.dictionaries(st.sampled_from(able), st.sampled_from(sorted(POISONS)), max_size=5)
    )
    # The fold of a person's log looks into read marks alone: a field more or less is no matter.
    return {
        i: how if not is_person(str(history()[i].originator_id)) else "unknown topic"
        for i, how in drawn.items()
    }  # fmt: skip


def batches(draw: st.DrawFn, size: int) -> list[list[int]]:
    """Draws batches: some records twice, late, out of order; at last all, as a queue does."""
    some = draw(st.lists(st.lists(st.integers(0, size - 1), min_size=1, max_size=10), max_size=12))
    rest = draw(st.permutations(range(size)))
    width = draw(st.integers(1, 15))
    return some + [rest[start : start + width] for start in range(0, size, width)]


@st.composite
def deliveries(draw: st.DrawFn) -> list[list[int]]:
    return batches(draw, len(history()))


def clean_fold(events: Sequence[StoredEvent], skipped: set[int]) -> list[dict[str, Any]]:
    """Folds log by log, event by event, past what is poison."""
    views, log = MemoryViews(), log_of(events)
    projector = consuming(views, log, MemoryProgress()).consumer
    for index, event in enumerate(events):
        log_id, version = str(event.originator_id), event.originator_version
        if index in skipped:
            projector.skip(log_id, version)
        else:
            projector.apply(log_id, log.events(log_id, after=version - 1, upto=version))
    return list(views.dump())


def check_consuming(plan: list[list[int]], poison: dict[int, str], failing: set[int]) -> None:
    events = [
        POISONS[poison[index]](event) if index in poison else event
        for index, event in enumerate(history())
    ]
    views, progress = FlakyViews(failing), MemoryProgress()
    fed(consuming(views, log_of(events), progress), events, plan)
    assert list(views.dump()) == clean_fold(events, set(poison))
    expected = {(str(events[i].originator_id), events[i].originator_version) for i in poison}
    assert told(progress.parked()) == expected

    # The cause is gone: the log as it was meant, and the same views.
    views.flaky.failing = set()
    healed = consuming(views, log_of(history()), progress)
    for stream in {one.stream for one in progress.parked()}:
        healed.redrive(stream)
    assert list(views.dump()) == clean_fold(history(), set())
    assert progress.parked() == []


CASES = (deliveries(), poisoned(), st.sets(st.integers(1, 60), max_size=MAX_RECEIVES - 1))


@given(*CASES)
def test_any_delivery_ends_in_the_view_of_a_clean_fold(
    plan: list[list[int]], poison: dict[int, str], failing: set[int]
) -> None:
    check_consuming(plan, poison, failing)


@pytest.mark.long
@settings(max_examples=1_000, derandomize=False)
@given(*CASES)
def test_any_delivery_ends_in_the_view_of_a_clean_fold_a_thousand_times(
    plan: list[list[int]], poison: dict[int, str], failing: set[int]
) -> None:
    check_consuming(plan, poison, failing)


def check_memberships(plan: list[list[int]]) -> None:
    """Memberships told twice, late and in any order: people's own logs end as the rooms are."""
    kept = [e for e in history() if e.topic not in ("person.room-gained", "person.room-lost")]
    # People's logs stand without what the consumer wrote; their versions close up.
    heads: dict[str, int] = {}
    events = []
    for event in kept:
        log_id = str(event.originator_id)
        heads[log_id] = heads.get(log_id, 0) + 1
        events.append(StoredEvent(originator_id=log_id, originator_version=heads[log_id],
                                  topic=event.topic, state=event.state))  # fmt: skip
    recorder = recorded(events)
    chat = memory_chat(recorder=recorder)
    fed(
        chat.consuming["track_memberships"],
        events,
        [[i for i in b if i < len(events)] for b in plan],
    )
    for user in ("u_ann", "u_bob", "u_cy"):
        owner = chat.services.log.load(user)
        assert isinstance(owner, Person)
        for room_id in ("lobby", "other"):
            room = chat.services.log.load(room_id)
            assert isinstance(room, Room)
            assert owner.part(Memberships).by_room[room_id][0] == room.members.get(user)
        told_of = [e for e in chat.services.log.events(user) if hasattr(e, "room_version")]
        for one in ("lobby", "other"):
            versions = [e.room_version for e in told_of if e.room == one]  # type: ignore[attr-defined]
            assert versions == sorted(set(versions)), "each at most once, never going back"


@given(deliveries())
def test_memberships_end_as_the_rooms_are(plan: list[list[int]]) -> None:
    check_memberships(plan)


@pytest.mark.long
@settings(max_examples=1_000, derandomize=False)
@given(deliveries())
def test_memberships_end_as_the_rooms_are_a_thousand_times(plan: list[list[int]]) -> None:
    check_memberships(plan)


def test_batches_do_not_matter_behind_a_lost_joining() -> None:
    joinings = [
        index
        for index, event in enumerate(history())
        if (event.originator_id, event.topic) == ("lobby", "room.member-joined")
    ]
    bobs, size = joinings[1], len(history())
    plan = [list(range(bobs + 1)), list(range(bobs + 1, size))]
    check_consuming(plan, {bobs: "unknown topic"}, set())


class Busy:
    """An executor whose logs are busy as often as it is told to."""

    def __init__(self, executor: Executor, busy: int) -> None:
        self._executor = executor
        self.busy = busy

    def execute(self, log_id: str, commands: Sequence[Command], reply: Reply) -> None:
        if self.busy:
            self.busy -= 1
            reply([RoomBusy() for _ in commands])
        else:
            self._executor.execute(log_id, commands, reply)


def test_a_person_whose_log_is_busy_is_told_of_their_room_later() -> None:
    chat = memory_chat()
    ann, bob = person(chat, "ann"), person(chat, "bob")
    ann.send(action="create_room", room="den", name="Den", kind="public")
    ann.send(action="add_member", room="den", user="u_bob")
    ann.send(action="remove_member", room="den", user="u_bob")
    # Two people's logs are written to in each try.
    busy = Busy(chat.services.executor, busy=4)
    late = Chat(replace(chat.services, executor=busy))
    batch = [record for _, record in records(late) if orjson.loads(record.body)["stream"] == "den"]

    def rooms(user: str) -> dict[str, tuple[str | None, int]]:
        found = late.services.log.read(user)
        assert isinstance(found, Person)
        return found.part(Memberships).by_room

    for _ in range(2):
        assert late.apply_records("track_memberships", batch) == [record.id for record in batch]
        assert chat.services.progress.parked() == []
    assert late.apply_records("track_memberships", batch) == []
    assert rooms(ann.user) == {"den": ("owner", 2)}
    assert rooms(bob.user) == {"den": (None, 4)}
    # A log that stays busy is parked by name, after its last try.
    busy.busy = 100
    last = [replace(record, receives=MAX_RECEIVES) for record in batch]
    assert late.apply_records("track_memberships", last) == []
    assert {one.consumer for one in chat.services.progress.parked()} == {"track_memberships"}
