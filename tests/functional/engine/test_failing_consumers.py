"""Durable consumers that fail, hang or stop: their retries, and what operators are told."""

import asyncio
import threading
from typing import Any

import pytest
from eventsourcing.persistence import OperationalError

from adapters.memory.progress import MemoryProgress
from adapters.sqlite.events import SqliteEvents
from local import consumer
from local.consumer import Subscription
from local.feed import Feed
from tests.functional.engine.bench import Bench, Receiving, create, post, run, until


class Flaky:
    """Hands calls on to `inner`; the named methods raise while `broken`."""

    def __init__(self, inner: Any, *methods: str) -> None:
        self._inner = inner
        self._methods = methods
        self.broken = True
        self.tries = 0

    def __getattr__(self, name: str) -> Any:
        if name in self._methods and self.broken:
            self.tries += 1
            raise OperationalError("the disk does not answer")
        return getattr(self._inner, name)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.consumer.BACKOFF", 0.001)
    monkeypatch.setattr("local.consumer.LONGEST_BACKOFF", 0.01)
    monkeypatch.setattr("local.consumer.STUCK_AFTER", 0.02)


@pytest.mark.parametrize("method", ["select_notifications", "position", "advance"])
def test_a_consumer_survives_that_its_files_fail_and_says_so(
    store: SqliteEvents, impatient: None, method: str
) -> None:
    async def main() -> None:
        bench, handler = Bench(store), Receiving()
        await bench.ask("room", create(), post("one"))
        recorder, progress = Flaky(store.events, method), Flaky(MemoryProgress(), method)
        feed = Feed(recorder, progress, asyncio.get_running_loop())  # type: ignore[arg-type]
        feed.add("views", Subscription(handler))
        feed.start()
        await until(feed.troubles)
        (trouble,) = feed.troubles()
        assert trouble.startswith("views has failed for 0 s: OperationalError")
        recorder.broken = progress.broken = False
        assert await feed.caught_up("views")
        assert feed.troubles() == []
        assert sorted(set(handler.received)) == [1, 2, 3]
        await asyncio.to_thread(feed.close)
        bench.executor.close()

    run(main)


def test_a_consumer_that_always_fails_waits_longer_each_time(
    store: SqliteEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.consumer.BACKOFF", 0.01)

    async def main() -> None:
        bench = Bench(store)
        await bench.ask("room", create())
        recorder = Flaky(store.events, "select_notifications")
        feed = Feed(recorder, MemoryProgress(), asyncio.get_running_loop())  # type: ignore[arg-type]
        feed.add("views", Subscription(Receiving()))
        feed.start()
        await asyncio.sleep(0.5)
        # 10, 20, 40, 80, 160, 320 ms …
        assert 3 <= recorder.tries <= 7
        await asyncio.to_thread(feed.close)
        bench.executor.close()

    run(main)


class Paused(threading.Event):
    """Waits for nothing; each wait moves a clock on."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []
        self.now = 100.0

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        self.now += timeout or 0.0
        return self.is_set()

    def monotonic(self) -> float:
        return self.now


def test_failures_in_a_row_count_from_the_first_and_are_forgotten_once_it_works(
    store: SqliteEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused = Paused()
    monkeypatch.setattr(consumer, "time", paused)

    async def main() -> None:
        bench = Bench(store)
        await bench.ask("room", create())
        feed = Feed(store.events, MemoryProgress(), asyncio.get_running_loop())
        troubles: list[list[str]] = []
        failing = iter([True] * 8 + [False] + [True] * 2)

        def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
            troubles.append(feed.troubles())
            if next(failing, False):
                raise OSError
            return {"batchItemFailures": []}

        feed.add("views", Subscription(handler))
        feed._consumers["views"]._ended = paused
        feed.start()
        assert await feed.caught_up("views")
        growing = [consumer.BACKOFF * 2**n for n in range(8)]
        assert paused.waits == growing
        assert troubles[:7] == [[]] * 7
        assert troubles[7] == ["views has failed for 6 s: OSError"]
        # The next failure is a first one again.
        await bench.ask("room", post("one"))
        feed.publish([(3, b"{}")])
        assert await feed.caught_up("views")
        assert paused.waits[8:] == growing[:2]
        assert troubles[9:] == [[], [], []]
        await asyncio.to_thread(feed.close)
        bench.executor.close()

    run(main)


def test_what_is_still_to_be_retried_when_a_consumer_stops_comes_again(
    store: SqliteEvents,
) -> None:
    async def main() -> None:
        bench, progress = Bench(store), MemoryProgress()
        await bench.ask("room", create(), post("one"))
        called = threading.Event()

        def failing(event: dict[str, Any], context: Any) -> dict[str, Any]:
            called.set()
            return {"batchItemFailures": [{"itemIdentifier": "2"}]}

        stopped = Feed(store.events, progress, asyncio.get_running_loop())
        stopped.add("views", Subscription(failing))
        stopped.start()
        assert await asyncio.to_thread(called.wait, 10)
        await asyncio.to_thread(stopped.close)
        assert progress.position("views") == 0
        handler = Receiving()
        feed = Feed(store.events, progress, asyncio.get_running_loop())
        feed.add("views", Subscription(handler))
        feed.start()
        assert await feed.caught_up("views")
        assert 2 in handler.received
        await asyncio.to_thread(feed.close)
        bench.executor.close()

    run(main)


class Quits(BaseException):
    """What no consumer can survive."""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_consumer_that_is_dead_is_told_of(store: SqliteEvents) -> None:
    def quitting(event: dict[str, Any], context: Any) -> dict[str, Any]:
        raise Quits

    async def main() -> None:
        bench = Bench(store)
        await bench.ask("room", create(), post("one"))
        feed = Feed(store.events, MemoryProgress(), asyncio.get_running_loop())
        feed.add("dead", Subscription(quitting))
        feed.add("well", Subscription(Receiving()))
        feed.start()
        assert await feed.caught_up("well")
        await until(feed.troubles)
        assert feed.troubles() == ["dead is not running"]
        await asyncio.to_thread(feed.pause)
        assert feed.troubles() == [], "what was stopped on purpose is no trouble"
        bench.executor.close()

    run(main)


def test_a_consumer_that_hangs_or_is_far_behind_is_told_of(
    store: SqliteEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on = threading.Event()

    def hanging(event: dict[str, Any], context: Any) -> dict[str, Any]:
        going_on.wait(10)
        return {"batchItemFailures": []}

    async def main() -> None:
        bench = Bench(store)
        await bench.ask("room", create(), post("one"))
        feed = Feed(store.events, MemoryProgress(), asyncio.get_running_loop())
        feed.add("slow", Subscription(hanging))
        feed.start()
        assert feed.troubles() == []
        monkeypatch.setattr("local.consumer.MAX_LAG", 2)
        assert feed.troubles() == ["slow is 3 events behind"]
        monkeypatch.setattr("local.consumer.HUNG_AFTER", 0.001)
        await until(lambda: feed.troubles() == ["slow has been at one batch for 0 s"])
        going_on.set()
        assert await feed.caught_up("slow")
        await until(lambda: feed.troubles() == [])
        await asyncio.to_thread(feed.close)
        bench.executor.close()

    run(main)
