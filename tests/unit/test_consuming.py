"""Consumers: once, in order, poison set aside (rule 8)."""

import gc
import json
import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import orjson
import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.memory.events import MemoryEvents, MemorySnapshots
from adapters.memory.progress import MemoryProgress
from adapters.memory.views import MemoryStore
from domain.aggregate import Command, Event
from domain.chat import Chat
from domain.chat.projecting import ProjectViews
from domain.chat.services import Services
from domain.consuming import MAX_RECEIVES, Consuming, Record, Transient
from domain.errors import RoomBusy
from domain.log import EventLog, envelope, is_person
from domain.person.memberships import Memberships
from domain.person.person import Person
from domain.ports.commands import Executor, Reply
from domain.ports.consumers import Parked
from domain.projections.store import Fold, Head
from domain.room.room import Room
from domain.room.view import RoomView
from tests.support.chat import memory_chat, person, records, run_consumers
from tests.support.views import MemoryViews, NoWords


@cache
def history() -> tuple[StoredEvent, ...]:
    """What two rooms and three people did, in the order of the log."""
    chat = memory_chat()
    ann, bob, cy = person(chat, "ann"), person(chat, "bob"), person(chat, "cy")
    for room in ("lobby", "other"):
        ann.send(action="create_room", room=room, name=room, kind="public")
        for someone in (bob, cy):
            someone.send(action="join", room=room)
        for text in ("one", "two", "three"):
            bob.send(action="post", room=room, text=text)
        bob.send(action="edit", room=room, version=5, text="uno")
        cy.send(action="react", room=room, version=6, emoji="👍")
        cy.send(action="react", room=room, version=7, emoji="👍")
        ann.send(action="delete", room=room, version=6)
        cy.send(action="unreact", room=room, version=7, emoji="👍")
        bob.send(action="read", room=room, version=5)
        ann.send(action="set_role", room=room, user="u_bob", role="moderator")
        bob.send(action="remove_member", room=room, user="u_cy")
        cy.send(action="join", room=room)
        run_consumers(chat)
        bob.send(action="read", room=room, version=13)
        cy.send(action="post", room=room, text="last", reply_to=7)
    for someone in (ann, bob, cy):
        someone.send(action="read", room="other", version=15)
    recorder = chat.services.log.recorder
    assert isinstance(recorder, MemoryEvents)
    return tuple(recorder.select_notifications(1, 10_000))


def recorded(events: Sequence[StoredEvent]) -> MemoryEvents:
    recorder = MemoryEvents()
    plain = [
        StoredEvent(
            originator_id=e.originator_id,
            originator_version=e.originator_version,
            topic=e.topic,
            state=e.state,
        )
        for e in events
    ]
    recorder.insert_events(plain)
    return recorder


def log_of(events: Sequence[StoredEvent]) -> EventLog:
    return EventLog(recorded(events), MemorySnapshots())


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


def consuming(views: MemoryViews, log: EventLog, progress: MemoryProgress) -> Consuming:
    services: Any = type("Views and log", (), {"views": views, "log": log, "vault": NoWords()})()
    kept: Services = services
    return Consuming(ProjectViews(kept), log, progress, lambda: "now")


Poison = Callable[[StoredEvent], StoredEvent]


def changed(event: StoredEvent, **new: Any) -> StoredEvent:
    fields = {"topic": event.topic, "state": event.state, **new}
    return StoredEvent(
        originator_id=event.originator_id, originator_version=event.originator_version, **fields
    )


def without_a_field(event: StoredEvent) -> StoredEvent:
    state = orjson.loads(event.state)
    del state["by"]
    return changed(event, state=orjson.dumps(state))


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


def fed(consumer: Consuming, events: Sequence[StoredEvent], plan: list[list[int]]) -> None:
    """Delivers the batches; what fails is delivered again, with the next batch in between."""
    bodies = [envelope(event) for event in events]
    waiting: list[Record] = []
    for batch in [*plan, *[[]] * MAX_RECEIVES]:
        new = [Record(str(index), bodies[index]) for index in batch]
        given_out = [*waiting, *new]
        failed = set(consumer.consume(given_out))
        assert failed <= {record.id for record in given_out}
        waiting = [
            Record(record.id, record.body, record.receives + 1)
            for record in given_out
            if record.id in failed
        ]
    assert waiting == []


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


def told(parked: list[Parked]) -> set[tuple[str, int]]:
    return {(one.stream, one.version) for one in parked if one.stream != "?"}


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


# One by one


class Remembering:
    """A consumer that notes what it is given and fails where it is told to."""

    name = "remembering"
    gapless = True

    def __init__(self) -> None:
        self.applied: list[tuple[str, int]] = []
        self.skipped: list[tuple[str, int]] = []
        self.heads: dict[str, int] = {}
        self.failing: dict[str, BaseException] = {}

    def last(self, stream: str) -> int | None:
        return self.heads.get(stream, 0)

    def apply(self, stream: str, events: Sequence[Event]) -> None:
        if stream in self.failing:
            raise self.failing[stream]
        self.applied += [(stream, event.originator_version) for event in events]
        self.heads[stream] = events[-1].originator_version

    def skip(self, stream: str, version: int) -> None:
        self.skipped.append((stream, version))
        self.heads[stream] = version

    def reset(self, stream: str) -> None:
        self.heads[stream] = 0


def remembering() -> tuple[Remembering, Consuming, MemoryProgress]:
    consumer, progress = Remembering(), MemoryProgress()
    return consumer, Consuming(consumer, log_of(history()), progress, lambda: "now"), progress


def records_of(stream: str, upto: int, receives: int = 1) -> list[Record]:
    return [
        Record(f"{stream}-{event.originator_version}", envelope(event), receives)
        for event in history()
        if event.originator_id == stream and event.originator_version <= upto
    ]


@pytest.mark.parametrize("error", [Transient("later"), OSError("later")])
def test_a_batch_names_the_failing_rooms_records_only(error: Exception) -> None:
    consumer, feed, progress = remembering()
    consumer.failing["other"] = error
    mixed = [*records_of("other", 2), *records_of("lobby", 3), *records_of("u_ann", 1)]
    assert feed.consume(mixed) == ["other-1", "other-2"]
    assert consumer.heads == {"lobby": 3, "u_ann": 1}
    assert progress.parked() == []


def test_a_failure_that_stays_is_parked_at_the_last_receive() -> None:
    consumer, feed, progress = remembering()
    consumer.failing["other"] = OSError("later")
    assert feed.consume(records_of("other", 2, MAX_RECEIVES - 1)) == ["other-1", "other-2"]
    assert feed.consume(records_of("other", 2, MAX_RECEIVES)) == []
    assert progress.parked() == [
        Parked("remembering", "other", 1, "OSError", "now"),
        Parked("remembering", "other", 2, "OSError", "now"),
    ]
    consumer.failing.clear()
    assert feed.consume(records_of("other", 4)) == []
    assert consumer.applied == [("other", 3), ("other", 4)]
    feed.redrive("other")
    assert progress.parked() == []
    assert consumer.applied[2:] == [("other", v) for v in range(1, consumer.heads["other"] + 1)]


def test_a_streams_records_are_given_up_when_the_newest_of_them_had_its_tries() -> None:
    """One that came for the first time has all of its retries, whatever came with it."""
    consumer, feed, progress = remembering()
    consumer.failing["other"] = OSError("later")
    first, second = records_of("other", 2)
    for receives in range(1, MAX_RECEIVES):
        mixed = [replace(first, receives=MAX_RECEIVES), replace(second, receives=receives)]
        assert feed.consume(mixed) == ["other-1", "other-2"]
        assert feed.consume(mixed[::-1]) == ["other-2", "other-1"]
        assert progress.parked() == []
        assert consumer.heads == {}
    # Another stream's tries do not count.
    mixed = [*records_of("other", 1), *records_of("lobby", 1, MAX_RECEIVES + 1)]
    assert feed.consume(mixed) == ["other-1"]
    assert feed.consume(records_of("other", 2, MAX_RECEIVES)) == []
    assert [one.version for one in progress.parked()] == [1, 2]


def test_a_gap_is_read_from_the_log() -> None:
    consumer, feed, _ = remembering()
    assert feed.consume(records_of("lobby", 4)[3:]) == []
    assert consumer.applied == [("lobby", version) for version in range(1, 5)]


def test_no_more_than_the_gap_is_read_from_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A room of many events is not read to its head for two that are missing."""
    consumer, feed, _ = remembering()
    feed.consume(records_of("lobby", 2))
    found: list[int] = []
    events = EventLog.events

    def noting(log: EventLog, log_id: str, **more: Any) -> list[Event]:
        read = events(log, log_id, **more)
        found.extend(event.originator_version for event in read)
        return read

    monkeypatch.setattr(EventLog, "events", noting)
    assert feed.consume(records_of("lobby", 5)[4:]) == []
    assert consumer.heads["lobby"] == 5
    assert set(found) <= {3, 4, 5}


def test_a_read_that_fails_for_now_parks_nothing_beside_what_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    consumer, feed, progress = remembering()
    events, broken = EventLog.events, [True]

    def reading(log: EventLog, log_id: str, **more: Any) -> list[Event]:
        found = events(log, log_id, **more)
        versions = {event.originator_version for event in found}
        if 2 in versions:
            raise ValueError("damaged")
        if 3 in versions and broken:
            raise OSError("the disk is busy")
        return found

    monkeypatch.setattr(EventLog, "events", reading)
    last = records_of("lobby", 4)[3:]
    assert feed.consume(last) == ["lobby-4"]
    assert progress.parked() == []
    broken.clear()
    assert feed.consume(last) == []
    assert [one.version for one in progress.parked()] == [2]
    assert consumer.applied == [("lobby", 1), ("lobby", 3), ("lobby", 4)]


class Forgetful(Remembering):
    """Remembers a place that others have passed, until it is told to look."""

    def __init__(self) -> None:
        super().__init__()
        self.stored: dict[str, int] = {}
        self.refreshed: list[str] = []

    def refresh(self, stream: str) -> None:
        self.refreshed.append(stream)
        self.heads[stream] = self.stored.get(stream, 0)


def test_what_others_applied_is_looked_up_only_where_something_is_missing() -> None:
    consumer, progress = Forgetful(), MemoryProgress()
    feed = Consuming(consumer, log_of(history()), progress, lambda: "now")
    assert feed.consume(records_of("lobby", 4)) == []
    assert consumer.refreshed == [], "in order it costs no look"
    # Another process did 5 and 6: the look says so, and they are not read or applied again.
    consumer.stored["lobby"] = 6
    assert feed.consume(records_of("lobby", 8)[6:]) == []
    assert consumer.refreshed == ["lobby"]
    assert consumer.applied == [("lobby", version) for version in (1, 2, 3, 4, 7, 8)]
    # What is old needs no look either, nor does what follows what was just looked up.
    assert feed.consume(records_of("lobby", 8)) == []
    assert feed.consume(records_of("lobby", 9)[8:]) == []
    assert consumer.refreshed == ["lobby"]
    # Nobody did what is missing: it is read from the log.
    consumer.stored["lobby"] = 9
    assert feed.consume(records_of("lobby", 12)[11:]) == []
    assert consumer.refreshed == ["lobby", "lobby"]
    assert consumer.applied[6:] == [("lobby", version) for version in (9, 10, 11, 12)]


def test_what_the_log_does_not_show_yet_is_retried() -> None:
    consumer, feed, _ = remembering()
    body = orjson.loads(records_of("lobby", 4)[3].body)
    body["version"] = 400
    assert feed.consume([Record("early", orjson.dumps(body))]) == ["early"]
    assert consumer.applied == []


@pytest.mark.parametrize("body", ["", "{", "null", "[]", "{}", '{"stream":"lobby"}', b"\xff",
                                  '{"stream":"lobby","version":null}'])  # fmt: skip
def test_an_unreadable_record_is_parked_and_stops_nothing(body: str | bytes) -> None:
    consumer, feed, progress = remembering()
    assert feed.consume([Record("odd", body), *records_of("lobby", 2)]) == []
    assert consumer.heads == {"lobby": 2}
    assert [one.stream for one in progress.parked()] == ["?"]


def test_a_parked_event_tells_no_content() -> None:
    _, feed, progress = remembering()
    planted = '{"stream":"lobby","version":1,"topic":"x.planted","state":{"text":"planted"}}'
    assert feed.consume([Record("1", planted), Record("2", "planted")]) == []
    assert "planted" not in json.dumps([one.reason for one in progress.parked()])


def test_two_unreadable_records_are_both_kept() -> None:
    _, feed, progress = remembering()
    feed.consume([Record("one", "{"), Record("two", "{")])
    assert len(progress.parked()) == 2


@pytest.mark.parametrize("version", ["4", 4.5, True])
def test_a_version_that_is_no_integer_is_poison_too(version: Any) -> None:
    consumer, feed, _ = remembering()
    (*good, last) = records_of("lobby", 4)
    odd = {**orjson.loads(last.body), "version": version}
    assert feed.consume([*good, Record("odd", orjson.dumps(odd)), *records_of("other", 1)]) == []
    assert consumer.heads["other"] == 1


def test_giving_up_beyond_a_gap_parks_all_that_it_goes_past() -> None:
    consumer, feed, progress = remembering()
    consumer.failing["lobby"] = OSError("later")
    assert feed.consume(records_of("lobby", 4, MAX_RECEIVES)[3:]) == []
    passed = set(range(1, consumer.heads["lobby"] + 1))
    assert {one.version for one in progress.parked()} == passed


def test_a_folded_view_leaves_nothing_to_the_garbage_collector() -> None:
    """It holds all messages that a batch changed, and a collection stops everything."""
    seen: list[weakref.ref[RoomView]] = []

    class Noting(MemoryViews):
        def fold_of(self, base: Head, view: RoomView) -> Fold:
            seen.append(weakref.ref(view))
            return super().fold_of(base, view)

    events = history()
    consumer = consuming(Noting(), log_of(events), MemoryProgress())
    gc.disable()
    try:
        fed(consumer, events, [list(range(len(events)))])
        assert seen
        assert [view() for view in seen] == [None] * len(seen)
    finally:
        gc.enable()
