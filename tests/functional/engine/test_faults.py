"""Reads, commits, decisions and replies that fail: what is tried again, and what is answered."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from eventsourcing.persistence import OperationalError

from adapters.sqlite.events import Append, SqliteEvents
from domain.deciding import Decider
from domain.errors import Internal
from domain.log import EventLog
from domain.ports.commands import Outcome
from local.executor import ATTEMPTS, FOLDED_HERE
from tests.functional.engine.bench import Bench, create, post, run


def test_a_failed_commit_is_decided_again(
    store: SqliteEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, failures = Append.commit, iter([True, True])

    def failing(append: Append) -> None:
        if next(failures, False):
            append._abandon()
            raise OperationalError("disk full")
        commit(append)

    async def main() -> None:
        bench = Bench(store)
        assert await bench.ask("room", create()) == [2]
        monkeypatch.setattr(Append, "commit", failing)
        answers = [bench.ask("room", post(f"p{n}")) for n in range(5)]
        assert [await answer for answer in answers] == [[3], [4], [5], [6], [7]]
        assert bench.versions("room") == list(range(1, 8))
        assert bench.published == list(range(1, 8))
        bench.executor.close()

    run(main)


def test_a_disk_that_stays_broken_is_answered_internal_and_leaves_no_trace(
    store: SqliteEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, failures = Append.commit, iter([True] * ATTEMPTS)

    def failing(append: Append) -> None:
        if next(failures, False):
            append._abandon()
            raise OperationalError("disk full")
        commit(append)

    async def main() -> None:
        bench = Bench(store)
        await bench.ask("room", create())
        monkeypatch.setattr(Append, "commit", failing)
        (outcome,) = await bench.ask("room", post("lost"))
        assert isinstance(outcome, Internal)
        assert bench.executor.failed_at is not None
        assert await bench.ask("room", post("kept")) == [3]
        assert bench.executor.failed_at is None, "the disk works again"
        assert [event.id for event in bench.log.events("room")] == ["create", "create", "kept"]
        bench.executor.close()

    run(main)


def test_a_read_that_fails_costs_its_own_log_and_no_other(
    store: SqliteEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        bench = Bench(store)
        await bench.ask("aaaa", create())
        unfolded = EventLog.unfolded

        def failing(log: EventLog, log_id: str) -> int:
            if log_id == "bbbb":
                raise OperationalError("disk I/O error")
            return unfolded(log, log_id)

        with monkeypatch.context() as patch:
            patch.setattr(EventLog, "unfolded", failing)
            first, other = bench.ask("aaaa", post("p")), bench.ask("bbbb", create())
            assert await first == [3]
            assert isinstance((await other)[0], Internal)
        assert await bench.ask("aaaa", post("q")) == [4]
        assert bench.versions("aaaa") == [1, 2, 3, 4]
        assert await bench.ask("bbbb", create()) == [2]
        await bench.executor.drain()
        bench.executor.close()

    run(main)


def test_an_insert_that_fails_in_any_way_is_decided_again(
    store: SqliteEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        bench = Bench(store)
        await bench.ask("aaaa", create())
        begin, failures = SqliteEvents.begin, iter([True])

        def failing(store: SqliteEvents) -> Append:
            if next(failures, False):
                raise TimeoutError
            return begin(store)

        monkeypatch.setattr(SqliteEvents, "begin", failing)
        assert await bench.ask("aaaa", post("p")) == [3]
        assert bench.versions("aaaa") == [1, 2, 3]
        bench.executor.close()

    run(main)


def test_a_log_that_cannot_be_folded_is_answered(
    store: SqliteEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        bench = Bench(store)
        await bench.ask("room", create(), *(post(f"p{n}") for n in range(FOLDED_HERE)))
        bench.log.evict("room")
        with monkeypatch.context() as patch:
            patch.setattr(EventLog, "_fold", lambda log, log_id: 1 / 0)
            (refusal,) = await bench.ask("room", post("a"))
            assert isinstance(refusal, Internal)
        assert await bench.ask("room", post("a")) == [FOLDED_HERE + 3]
        bench.executor.close()

    run(main)


@pytest.mark.parametrize("where", ["insert", "commit"])
def test_what_failed_keeps_its_turn_before_what_came_after(
    store: SqliteEvents, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """A client sends two messages; the disk fails at the first while the second waits."""
    original, failures = getattr(Append, where), iter([True, True])
    waiting, asked = threading.Event(), threading.Event()

    def failing(append: Append, *arguments: Any) -> Any:
        if not next(failures, False):
            return original(append, *arguments)
        if where == "commit":
            # On the disk's thread: the loop goes on and takes the next command meanwhile.
            waiting.set()
            assert asked.wait(10)
        append._abandon()
        raise OperationalError("disk full")

    async def main() -> None:
        bench = Bench(store)
        assert await bench.ask("room", create()) == [2]
        monkeypatch.setattr(Append, where, failing)
        first = [bench.ask("room", post(f"first-{number}")) for number in range(3)]
        if where == "commit":
            await asyncio.to_thread(waiting.wait, 10)
        later = [bench.ask("room", post("later")), bench.ask("other", create())]
        asked.set()
        assert [await answer for answer in first] == [[3], [4], [5]]
        assert [await answer for answer in later] == [[6], [2]]
        ids = [event.id for event in bench.log.events("room")][2:]
        assert ids == ["first-0", "first-1", "first-2", "later"]
        assert bench.executor.conflicts == 2
        bench.executor.close()

    run(main)


def test_a_reply_that_fails_keeps_no_other_from_its_answer(store: SqliteEvents) -> None:
    async def main() -> None:
        bench = Bench(store)
        await bench.ask("room", create())

        def broken(outcomes: Sequence[Outcome]) -> None:
            raise RuntimeError("the connection is gone")

        bench.executor.execute("room", [post("one")], broken)
        assert await bench.ask("room", post("two")) == [4]
        assert bench.published == [1, 2, 3, 4]
        bench.executor.close()

    run(main)


def test_a_fault_in_deciding_is_answered_logged_and_leaves_no_trace(
    store: SqliteEvents, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    decide = Decider.decide

    def faulty(decider: Decider, aggregate: Any, command: Any) -> Outcome:
        if command.id == "faulty":
            raise RuntimeError("a fault of ours")
        return decide(decider, aggregate, command)

    async def main() -> None:
        bench = Bench(store)
        await bench.ask("room", create())
        monkeypatch.setattr(Decider, "decide", faulty)
        asked = [
            bench.ask("room", post("before")),
            bench.ask("room", post("with it"), post("faulty")),
            bench.ask("other", create()),
        ]
        answers = [await answer for answer in asked]
        (record,) = (one for one in caplog.records if one.message == "unexpected error")
        told = vars(record)
        assert (told["error"], told["stream"], told["correlation_id"]) == (
            "RuntimeError",
            "room",
            "with it",
        )
        # What shared the room's decision is not in the log either, and may be sent again.
        assert [len(answer) for answer in answers] == [1, 2, 1]
        assert all(isinstance(outcome, Internal) for answer in answers[:2] for outcome in answer)
        assert answers[2] == [2]
        assert await bench.ask("room", post("before"), post("after")) == [3, 4]
        assert bench.versions("room") == [1, 2, 3, 4]
        bench.executor.close()

    run(main)
