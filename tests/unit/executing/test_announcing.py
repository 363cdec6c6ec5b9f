"""What was appended is announced beside the reply."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from eventsourcing.persistence import StoredEvent

from domain.ports.commands import Outcome
from tests.unit.executing.world import (
    ROOM,
    World,
    always_first,
    join,
    post,
)


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
