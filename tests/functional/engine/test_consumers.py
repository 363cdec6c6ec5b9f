"""Durable consumers: their positions, when they begin, what they are handed."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest

from adapters.memory.progress import MemoryProgress
from adapters.sqlite.events import SqliteEvents
from local import consumer
from local.consumer import Subscription
from local.feed import Feed
from tests.functional.engine.bench import Bench, Receiving, create, post, run, until


def test_who_waits_for_a_consumer_is_told_by_the_one_that_follows_it(store: SqliteEvents) -> None:
    async def main() -> None:
        bench, progress = Bench(store), MemoryProgress()
        await bench.ask("room", create(), post("one"))
        feed = Feed(store.events, progress, asyncio.get_running_loop())
        feed.add("views", Subscription(Receiving()))
        stopped = feed._consumers["views"]
        before = asyncio.ensure_future(feed.caught_up("views", 10.0))
        await asyncio.sleep(0)
        feed.resume()
        # Asked of the old one just as it was replaced.
        after = asyncio.ensure_future(stopped.reached(3, 10.0, asyncio.get_running_loop()))
        assert await before
        assert await after
        assert stopped._waiters == feed._consumers["views"]._waiters == []
        # Whoever gave up is not remembered.
        assert not await feed._consumers["views"].reached(9, 0.01, asyncio.get_running_loop())
        assert feed._consumers["views"]._waiters == []
        await asyncio.to_thread(feed.close)
        bench.executor.close()

    run(main)


def test_a_consumer_reads_what_it_missed_and_goes_on_where_it_was(store: SqliteEvents) -> None:
    async def main() -> None:
        bench, progress = Bench(store), MemoryProgress()
        await bench.ask("room", create(), post("one"))
        for expected in ([1, 2, 3], []):
            feed = Feed(store.events, progress, asyncio.get_running_loop())
            handler = Receiving()
            feed.add("views", Subscription(handler))
            feed.start()
            assert await feed.caught_up("views")
            assert handler.received == expected
            await asyncio.to_thread(feed.close)
        assert progress.position("views") == 3
        bench.executor.close()

    run(main)


def test_a_consumer_far_behind_goes_on_by_itself(
    store: SqliteEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody wakes it after its first batch: nothing new comes and nobody waits."""
    monkeypatch.setattr(consumer, "BATCH", 2)

    async def main() -> None:
        bench, handler = Bench(store), Receiving()
        await bench.ask("room", create(), *(post(f"p{n}") for n in range(6)))
        feed = Feed(store.events, MemoryProgress(), asyncio.get_running_loop())
        feed.add("views", Subscription(handler))
        feed.start()
        await until(lambda: feed.lag() == {"views": 0})
        assert handler.received == list(range(1, 9))
        await asyncio.to_thread(feed.close)
        bench.executor.close()

    run(main)


def test_only_what_failed_is_delivered_again(store: SqliteEvents) -> None:
    async def main() -> None:
        bench = Bench(store)
        await bench.ask("room", create(), post("one"))
        feed = Feed(store.events, MemoryProgress(), asyncio.get_running_loop())
        handler = Receiving(failures=1)
        feed.add("views", Subscription(handler))
        feed.start()
        assert await feed.caught_up("views")
        assert handler.received == [3]
        assert handler.counts == ["1", "1", "1", "2"]
        await asyncio.to_thread(feed.close)
        bench.executor.close()

    run(main)


def test_a_consumer_with_nothing_to_do_hands_on_nothing(
    store: SqliteEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[Any] = []
    monkeypatch.setattr(consumer, "report", lambda error, **more: reported.append(error))
    calls: list[int] = []

    def counting(event: dict[str, Any], context: Any) -> dict[str, Any]:
        calls.append(len(event["Records"]))
        return {"batchItemFailures": []}

    async def main() -> None:
        bench = Bench(store)
        feed = Feed(store.events, MemoryProgress(), asyncio.get_running_loop())
        feed.add("views", Subscription(counting))
        feed.start()
        await until(lambda: feed._consumers["views"]._begun)
        for _ in range(3):
            feed._consumers["views"].wake([(feed.head, b"")])
        bench.executor._publish = feed.publish
        await bench.ask("room", create())
        assert await feed.caught_up("views")
        await asyncio.to_thread(feed.close)
        bench.executor.close()

    run(main)
    assert (calls, reported) == ([2], [])


def topic_of(number: int) -> str:
    return ("room.created", "room.member-joined", "room.message-posted")[min(number, 3) - 1]


@pytest.mark.parametrize(
    ("topics", "posts", "within"),
    [
        pytest.param((), 1, False, id="a-few-events-gather"),
        pytest.param((), 9, True, id="enough-events-do-not-wait"),
        pytest.param(("room.message-posted",), 1, True, id="a-named-topic-does-not-wait"),
        pytest.param(("room.member-left",), 1, False, id="other-topics-gather"),
    ],
)
def test_consumers_let_events_gather(
    store: SqliteEvents,
    monkeypatch: pytest.MonkeyPatch,
    topics: Sequence[str],
    posts: int,
    within: bool,
) -> None:
    """Each batch takes time from the loop: where nobody needs it at once, it comes late."""
    monkeypatch.setattr(consumer, "GATHER", 8)
    monkeypatch.setattr(consumer, "LAG", 1.5)

    async def main() -> None:
        bench, handler = Bench(store), Receiving()
        feed = Feed(store.events, MemoryProgress(), asyncio.get_running_loop())
        feed.add("views", Subscription(handler, topics))
        feed.start()
        bench.executor._publish = feed.publish
        await bench.ask("room", create())
        assert await feed.caught_up("views")
        await until(lambda: feed._consumers["views"]._woken.is_set() is False)
        begun = time.monotonic()
        await bench.ask("room", *(post(f"p{number}") for number in range(posts)))
        await until(lambda: feed.lag() == {"views": 0})
        assert (time.monotonic() - begun < 1.4) is within
        assert all(topic_of(number) in topics for number in handler.received if topics)
        # Who waits need not wait for more.
        begun = time.monotonic()
        await bench.ask("room", post("last"))
        assert await feed.caught_up("views")
        assert time.monotonic() - begun < 1.4
        await asyncio.to_thread(feed.close)
        bench.executor.close()

    run(main)


def test_what_comes_while_consumers_are_paused_is_handed_to_them_after(
    store: SqliteEvents,
) -> None:
    async def main() -> None:
        bench, progress, handler = Bench(store), MemoryProgress(), Receiving()
        feed = Feed(store.events, progress, asyncio.get_running_loop())
        prompt = Receiving()
        feed.add_prompt("deliver", prompt)
        feed.add("views", Subscription(handler))
        feed.start()
        bench.executor._publish = feed.publish
        await bench.ask("room", create())
        assert await feed.caught_up("views")
        assert (feed.lag(), feed.behind(2)) == ({"views": 0}, 0)
        await asyncio.to_thread(feed.pause)
        await bench.ask("room", post("one"), post("two"))
        assert handler.received == [1, 2]
        assert prompt.received == [1, 2, 3, 4], "it is not paused"
        assert feed.lag() == {"views": 2}
        assert (feed.behind(4), feed.behind(3), feed.behind(1)) == (2, 1, 0)
        feed.resume()
        assert await feed.caught_up("views")
        assert handler.received == [1, 2, 3, 4]
        assert progress.position("views") == 4
        # Whoever forgets its position is handed all of it again.
        await asyncio.to_thread(feed.pause)
        progress.forget("views")
        feed.resume()
        assert await feed.caught_up("views")
        assert handler.received == [1, 2, 3, 4, 1, 2, 3, 4]
        await asyncio.to_thread(feed.close)
        bench.executor.close()

    run(main)


def test_each_consumer_has_a_place_of_its_own(store: SqliteEvents) -> None:
    async def main() -> None:
        bench, progress = Bench(store), MemoryProgress()
        await bench.ask("room", create(), post("one"))
        progress.advance("late", 1)
        feed = Feed(store.events, progress, asyncio.get_running_loop())
        handlers = {name: Receiving() for name in ("late", "new")}
        for name, handler in handlers.items():
            feed.add(name, Subscription(handler))
        feed.start()
        for name in handlers:
            assert await feed.caught_up(name)
        assert (handlers["late"].received, handlers["new"].received) == ([2, 3], [1, 2, 3])
        assert (progress.position("late"), progress.position("new")) == (3, 3)
        await asyncio.to_thread(feed.close)
        bench.executor.close()

    run(main)


def test_a_consumer_of_topics_is_handed_no_others(store: SqliteEvents) -> None:
    async def main() -> None:
        bench, handler = Bench(store), Receiving()
        await bench.ask("room", create(), post("room.member-joined"))
        feed = Feed(store.events, MemoryProgress(), asyncio.get_running_loop())
        feed.add("members", Subscription(handler, ["room.member-joined"]))
        feed.start()
        assert await feed.caught_up("members")
        assert handler.received == [2]
        await asyncio.to_thread(feed.close)
        bench.executor.close()

    run(main)
