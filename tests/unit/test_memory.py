"""What caches hold, in bytes: the estimates are near the truth, and the bounds are kept.

Over 300 lines: every cache and its bound, filled with the rooms and people that are made once here.
"""

import asyncio
import gc
import time
import tracemalloc
from collections.abc import Callable
from typing import Any, ClassVar

import orjson
import pytest
from eventsourcing.persistence import StoredEvent

from adapters.memory.events import MemoryEvents, MemorySnapshots
from adapters.memory.keys import MemoryKeys
from adapters.memory.progress import MemoryProgress
from adapters.vault.aes import CACHE, KEY_BYTES_KEPT, AesVault
from adapters.vault.openssl import OpenSslCipher
from domain import executing
from domain.aggregate import WINDOW, Aggregate, Event
from domain.caching import SizedCache
from domain.chat.delivering import NAME_BYTES
from domain.deciding import MAX_TAIL_BYTES, Decider
from domain.executing import DirectExecutor
from domain.log import EventLog, empty, mapper
from domain.person.lifecycle import PersonRegistered
from domain.person.marks import ReadMarked
from domain.person.memberships import RoomGained
from domain.person.sessions import SessionStarted
from domain.room.lifecycle import RoomCreated
from domain.room.membership import MemberJoined
from domain.room.messages import MessagePosted, Post
from domain.room.reactions import React
from domain.room.tail import MESSAGE_BYTES, Tail
from domain.room.view import RoomView
from functions.parts import Parts
from local.feed import REMEMBERED, REMEMBERED_BYTES, Feed
from tests.support.aggregates import AT, ask, happened, sealed, stand
from tests.support.views import MemoryViews, save_room


def stored(log_id: str, *past: Any) -> list[StoredEvent]:
    return [mapper.to_stored_event(stand(log_id, n, one)) for n, one in enumerate(past, 1)]


def folded(log_id: str, events: list[StoredEvent]) -> Aggregate:
    """Returns the aggregate as a process has it: from events that were read as JSON."""
    aggregate = empty(log_id)
    for one in events:
        event: Event = mapper.to_domain_event(one)  # type: ignore[assignment]
        aggregate.fold(event)
    return aggregate


def measured(make: Callable[[], Any]) -> int:
    """Returns the bytes that what `make` returns keeps."""
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = make()
        gc.collect()
        after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    del kept
    return after - before


def uuid(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def person_id(number: int) -> str:
    return f"u_{number:013d}"


def room_of(members: int, posts: int = 0, room: str = "lobby") -> list[StoredEvent]:
    """Returns the events of a room, each by a person and a command of its own."""
    past = [happened(RoomCreated, person_id(0), name=sealed("u_0"), kind="public", id=uuid(0))]
    for number in range(members):
        user = person_id(number)
        joined = happened(
            MemberJoined, user, user=user, name=sealed(user), role="member", id=uuid(number + 1)
        )
        past.append(joined)
    for number in range(posts):
        user, text = person_id(number % max(1, members)), sealed("u", "x" * 200)
        posted = happened(
            MessagePosted, user, text=text, kind="text", n=number + 1, reply_to=None, notify=[],
            id=uuid(number + 1_000_000),
        )  # fmt: skip
        past.append(posted)
    return stored(room, *past)


def person_of(rooms: int) -> list[StoredEvent]:
    past = [happened(PersonRegistered, "u_ann", name=sealed("u_ann"))]
    for number in range(rooms):
        room = f"room-{uuid(number)}"
        past += [
            happened(RoomGained, "u_ann", room=room, role="member", room_version=3),
            happened(ReadMarked, "u_ann", room=room, version=9),
        ]
    past += [happened(SessionStarted, "u_ann", session=f"{n:032x}") for n in range(99)]
    return stored("u_ann", *past)


CASES: dict[str, tuple[str, Callable[[], list[StoredEvent]]]] = {
    "an empty room": ("lobby", lambda: room_of(1)),
    "a room with a full window": ("lobby", lambda: room_of(20, 2 * WINDOW)),
    "a room of 1,000": ("lobby", lambda: room_of(1_000)),
    "a room of 4,000": ("lobby", lambda: room_of(4_000)),
    "a person with 1,500 rooms": ("u_ann", lambda: person_of(1_500)),
}


@pytest.mark.parametrize("case", CASES)
def test_an_aggregates_weight_is_near_its_bytes(case: str) -> None:
    log_id, make = CASES[case]
    events = make()
    weight = folded(log_id, events).weight()
    # What other threads and first calls allocate meanwhile only adds to a measurement.
    taken = min(measured(lambda: folded(log_id, events)) for _ in range(3))
    assert 0.7 < weight / taken < 1.6


def tail_of(messages: int, length: int, reactions: int) -> Tail:
    view = Tail(lambda version: None)
    event = {"at": AT, "by": "u_x", "id": "i"}
    text = orjson.dumps({"k": person_id(1), "c": "x" * length})
    for version in range(1, messages + 1):
        data = {"text": orjson.loads(text), "kind": "text", "n": version, "reply_to": None}
        by, at = person_id(version), AT[:10] + AT[10:]
        view.apply(
            {**event, "by": by, "at": at, "type": "MessagePosted", "version": version, "data": data}
        )
    for number in range(reactions):
        data = {"message": number % messages + 1, "emoji": "👍"}
        version = messages + number + 1
        by = person_id(version)
        view.apply({**event, "by": by, "type": "ReactionAdded", "version": version, "data": data})
    return view


@pytest.mark.parametrize(("length", "reactions"), [(60, 0), (2_000, 0), (16_000, 0)])
def test_a_tails_weight_is_near_its_bytes(length: int, reactions: int) -> None:
    weight = tail_of(150, length, reactions).weight
    assert 0.7 < weight / measured(lambda: tail_of(150, length, reactions)) < 1.7


def test_reactions_are_weighed_at_least_as_they_are() -> None:
    assert tail_of(50, 60, 5_000).weight > measured(lambda: tail_of(50, 60, 5_000))


def test_a_names_weight_is_near_its_bytes() -> None:
    raw = orjson.dumps(sealed(person_id(1), "x" * 80))

    def names() -> dict[str, Any]:
        return {person_id(number): orjson.loads(raw) for number in range(2_000)}

    assert 0.7 < 2_000 * NAME_BYTES / measured(names) < 1.6


def test_a_keys_weight_is_near_its_bytes() -> None:
    """Of the cipher's own memory, which Python does not count, nothing is seen here."""
    vault = AesVault(MemoryKeys(), bytes(32), OpenSslCipher)
    users = [person_id(number) for number in range(1_000)]
    vault.create(users)

    def used() -> None:
        for user in users:
            vault.digest(user, b"content")

    assert measured(used) / 1_000 < KEY_BYTES_KEPT
    assert CACHE * KEY_BYTES_KEPT < 64 * 2**20


# The cache


def test_what_was_used_last_stays_within_the_limit() -> None:
    cache: SizedCache[str, list[int]] = SizedCache(10, len)
    kept = {name: [0] * 4 for name in "abc"}
    cache.put("a", kept["a"])
    cache.put("b", kept["b"])
    assert cache.get("a") is kept["a"]
    cache.put("c", kept["c"])
    assert (cache.get("b"), cache.bytes, len(cache)) == (None, 8, 2)
    # One that grew is weighed anew, and pushes out what was used longest ago.
    kept["c"].extend([0] * 3)
    cache.weigh("c", kept["c"])
    assert (cache.get("a"), cache.get("c"), cache.bytes) == (None, kept["c"], 7)
    # One that is not kept, or another one of that name, is not.
    cache.weigh("a", kept["a"])
    cache.weigh("c", [1] * 7)
    assert (cache.get("a"), cache.get("c"), cache.bytes) == (None, [0] * 7, 7)
    # The last one stays, however large.
    cache.put("large", [0] * 100)
    assert (len(cache), cache.bytes, cache.get("c")) == (1, 100, None)
    cache.put("a", kept["a"])
    assert (len(cache), cache.bytes) == (1, 4)
    cache.drop("a")
    cache.drop("a")
    assert (len(cache), cache.bytes) == (0, 0)
    cache.put("a", kept["a"])
    cache.clear()
    assert (len(cache), cache.bytes) == (0, 0)


# The log's


def test_large_rooms_stay_within_the_bound_and_others_are_folded_again() -> None:
    limit = 2**20
    log = EventLog(MemoryEvents(), MemorySnapshots(), limit)
    rooms = [f"room-{number}" for number in range(12)]
    for room in rooms:
        log.recorder.insert_events(room_of(900, 10, room))
    executor = DirectExecutor(log, MemoryViews())
    bytes_of_one = folded(rooms[0], room_of(900, 10, rooms[0])).weight()
    assert bytes_of_one > 150_000

    def fill() -> None:
        for turn in range(2):
            for room in rooms:
                post = ask(
                    Post, person_id(1), id=f"{turn}", text=sealed("u"), kind="text", reply_to=None
                )
                executor.execute(room, [post], answers.extend)
        # Left out: they are bytes that orjson shrank, of which tracemalloc hears nothing.
        executor.checkpoints.clear()

    answers: list[Any] = []
    grown = measured(fill)
    assert answers == [912] * 12 + [913] * 12
    assert log.cache.bytes <= limit
    assert len(log.cache) == limit // bytes_of_one
    # Beside the aggregates there is what was appended.
    assert grown < limit * 1.5


def test_checkpoints_stay_within_their_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executing, "CHECKPOINT_BYTES", 200_000)
    log = EventLog(MemoryEvents(), MemorySnapshots())
    executor = DirectExecutor(log, MemoryViews())
    for number in range(10):
        room = f"room-{number}"
        log.recorder.insert_events(room_of(2_000, 0, room))
        post = ask(Post, person_id(1), text=sealed("u"), kind="text", reply_to=None)
        executor.execute(room, [post], lambda outcomes: None)
    assert 0 < executor.checkpoints.bytes <= 200_000
    assert 0 < len(executor.checkpoints) < 10


def test_a_rooms_tail_begins_anew_beyond_its_bytes_once_the_view_has_moved() -> None:
    log = EventLog(MemoryEvents(), MemorySnapshots())
    past = room_of(1)
    text = sealed("u", "x" * 16_000)
    posted = [
        stand("lobby", 3 + n, happened(MessagePosted, person_id(0), text=text, kind="text",
              n=n + 1, reply_to=None, notify=[], id=f"p{n}"))
        for n in range(100)
    ]  # fmt: skip
    log.recorder.insert_events([*past, *map(mapper.to_stored_event, posted)])
    views = MemoryViews()
    room, decider = log.load("lobby"), Decider(log, views)
    react = ask(React, person_id(0), id="1", version=100, emoji="👍")
    assert decider.decide(room, react) == 103
    assert room.tail is not None
    assert room.tail.weight > MAX_TAIL_BYTES
    first = room.tail
    # The cache knows of it at once.
    assert log.cache.bytes > MAX_TAIL_BYTES
    # (The event that it decided is in its window since.)
    assert room.weight() - log.cache.bytes < 1_000
    log.recorder.insert_events(log.stored(room.collect_events()))
    # The view has not moved: to begin anew would fold the same events at each command.
    react = ask(React, person_id(0), id="2", version=100, emoji="🎉")
    assert decider.decide(room, react) == 104
    assert room.tail is first
    log.recorder.insert_events(log.stored(room.collect_events()))
    view = RoomView()
    view.apply_all(event.wire() for event in log.events("lobby"))
    assert save_room(views, "lobby", 0, view)
    react = ask(React, person_id(0), id="3", version=100, emoji="🎈")
    assert decider.decide(room, react) == 105
    assert room.tail is not first
    assert room.tail.weight < MAX_TAIL_BYTES


# The feed's and a function's


def test_the_feed_remembers_the_newest_notices_within_its_bytes() -> None:
    class Recorder:
        asked: ClassVar[list[int]] = []

        def max_notification_id(self) -> int:
            return 0

        def select_notifications(self, start: int, limit: int) -> list[Any]:
            self.asked.append(start)
            return []

    recorder: Any = Recorder()
    feed = Feed(recorder, MemoryProgress(), asyncio.new_event_loop())
    body = b"x" * 2**20
    for number in range(1, 101):
        feed.publish([(number, body)])
    kept = REMEMBERED_BYTES // len(body)
    assert len(feed.after(100 - kept, 1_000)) == kept
    assert recorder.asked == []
    assert feed.after(0, 10) == []
    assert recorder.asked == [1]
    for number in range(101, 101 + REMEMBERED + 10):
        feed.publish([(number, b"")])
    assert len(feed._recent) == REMEMBERED
    feed._loop.close()


def test_a_function_tells_of_a_snapshot_that_was_not_saved(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    parts = Parts("socket_message", "parley-x", {"METRICS_NAMESPACE": "Parley/x"}, None)
    try:
        raise OSError("planted words")
    except OSError as error:
        parts.snapshot_missing("u_ann", error)
    told = capsys.readouterr().out
    assert '"SnapshotFailed":[1.0]' in told
    (record,) = caplog.records
    assert (vars(record)["snapshot"], vars(record)["error"]) == ("u_ann", "OSError")
    assert "planted words" not in told + caplog.text


def test_weighing_takes_microseconds() -> None:
    room = folded("lobby", room_of(1_000))
    cache: SizedCache[str, Aggregate] = SizedCache(2**30, lambda one: one.weight())
    begun = time.perf_counter()
    for _ in range(10_000):
        cache.put("lobby", room)
    assert (time.perf_counter() - begun) / 10_000 < 20e-6
    assert MESSAGE_BYTES > 0
