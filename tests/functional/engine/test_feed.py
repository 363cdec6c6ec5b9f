"""The feed: its notices in memory and in the log, and the prompt consumer."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from adapters.memory.progress import MemoryProgress
from adapters.sqlite.events import SqliteEvents
from local import feed as feed_module
from local.feed import Feed
from tests.functional.engine.bench import Bench, create, post, run, until


@pytest.mark.parametrize("remembered", [1, 3, 5_000])
def test_notices_are_the_same_from_memory_and_from_the_log(
    store: SqliteEvents, monkeypatch: pytest.MonkeyPatch, remembered: int
) -> None:
    """Whatever is still in memory: each position is followed by what comes next, in order."""
    monkeypatch.setattr(feed_module, "REMEMBERED", remembered)

    async def main() -> None:
        bench = Bench(store)
        feed = Feed(store.events, MemoryProgress(), asyncio.get_running_loop())
        kept: list[tuple[int, bytes]] = []

        def publish(notices: Sequence[tuple[int, bytes]]) -> None:
            kept.extend(notices)
            feed.publish(notices)

        bench.executor._publish = publish
        await bench.ask("room", create())
        for number in range(4):
            await bench.ask("room", post(f"p{number}"), post(f"q{number}"))
        assert [id for id, _ in kept] == list(range(1, 11))
        assert feed.head == 10
        for position in range(11):
            for limit in (1, 2, 100):
                assert feed.after(position, limit) == kept[position : position + limit]
        bench.executor.close()

    run(main)


def test_what_is_in_memory_is_not_read_from_the_log(
    store: SqliteEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        bench = Bench(store)
        feed = Feed(store.events, MemoryProgress(), asyncio.get_running_loop())
        bench.executor._publish = feed.publish
        await bench.ask("room", create(), post("one"))
        await bench.ask("room", post("two"))
        with monkeypatch.context() as patched:
            patched.setattr(store.events, "select_notifications", None)
            assert [id for id, _ in feed.after(0, 10)] == [1, 2, 3, 4]
            assert [id for id, _ in feed.after(1, 2)] == [2, 3]
            assert [id for id, _ in feed.after(3, 10)] == [4]
        assert feed.after(4, 10) == []
        bench.executor.close()

    run(main)


class Pushing:
    """A prompt consumer; it fails, by answer or by exception, for the first `failures` calls."""

    def __init__(self, failures: int, how: str) -> None:
        self.calls: list[tuple[int, list[int]]] = []
        self._failures = failures
        self._how = how

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        ids = [record["messageId"] for record in event["Records"]]
        receives = int(event["Records"][0]["attributes"]["ApproximateReceiveCount"])
        self.calls.append((receives, [int(id) for id in ids]))
        if len(self.calls) > self._failures:
            return {"batchItemFailures": []}
        if self._how == "raises":
            raise RuntimeError
        return {"batchItemFailures": [{"itemIdentifier": id} for id in ids]}


@pytest.mark.parametrize("how", ["raises", "answers"])
@pytest.mark.parametrize(("failures", "calls"), [(0, 1), (1, 2), (4, 5), (99, 5)])
def test_a_push_that_fails_is_tried_five_times(
    store: SqliteEvents, monkeypatch: pytest.MonkeyPatch, how: str, failures: int, calls: int
) -> None:
    # A sixth try would come after 6 ms.
    monkeypatch.setattr("local.feed.BACKOFF", 0.0001)

    async def main() -> None:
        feed = Feed(store.events, MemoryProgress(), asyncio.get_running_loop())
        handler = Pushing(failures, how)
        feed.add_prompt("deliver", handler)
        feed.publish([(1, b"{}"), (2, b"{}")])
        await until(lambda: len(handler.calls) >= calls)
        await asyncio.sleep(0.1)
        assert handler.calls == [(n + 1, [1, 2]) for n in range(calls)]

    run(main)
