"""Appends and reads that are throttled."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent

from domain.errors import RoomBusy, Throttled
from domain.executing import ATTEMPTS, PAUSE
from domain.room.messages import Delete
from domain.room.reactions import React
from tests.support.aggregates import ask
from tests.unit.executing.world import (
    ROOM,
    World,
    always_first,
    post,
)


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
