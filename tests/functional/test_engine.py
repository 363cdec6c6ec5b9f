"""The local engine's parts in process: group commit and feed."""

import asyncio
import gc
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.persistence import OperationalError

from adapters.memory.progress import MemoryProgress
from adapters.sqlite.events import Append, SqliteEvents
from domain.deciding import Decider
from domain.errors import Internal, NotAMember, NotFound
from domain.log import SNAPSHOT_EVERY, EventLog
from domain.ports.commands import Outcome
from domain.room.lifecycle import CreateRoom
from domain.room.messages import Post
from local import consumer, executor
from local import feed as feed_module
from local.consumer import Subscription
from local.executor import ATTEMPTS, FOLDED_HERE, MAX_COMMANDS, GroupCommitExecutor
from local.feed import Feed
from tests.support.views import MemoryViews

NAME = {"k": "u_ann", "c": ""}


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs it on a loop; what a callback raised there, which asyncio would log alone, fails."""
    raised: list[dict[str, Any]] = []

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, found: raised.append(found))
        await main()

    asyncio.run(watched())
    assert raised == []


def base(id: str, by: str = "u_ann") -> dict[str, Any]:
    at = "2026-01-02T03:04:05.000000+00:00"
    return {"by": by, "id": id, "at": at, "recorded_at": at, "digest": id}


def create(id: str = "create") -> CreateRoom:
    return CreateRoom(name=NAME, kind="public", member_name=NAME, **base(id))


def post(id: str) -> Post:
    return Post(text=NAME, kind="text", reply_to=None, **base(id))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteEvents]:
    store = SqliteEvents(tmp_path / "events.sqlite")
    yield store
    store.close()


class Bench:
    """An executor over a real store, what it published, and what it answered."""

    def __init__(self, store: SqliteEvents) -> None:
        self.log = EventLog(store.events, store.snapshots)
        self.published: list[int] = []
        self.executor = GroupCommitExecutor(
            self.log,
            Decider(self.log, MemoryViews()),
            store,
            asyncio.get_running_loop(),
            lambda notices: self.published.extend(id for id, _ in notices),
        )

    def ask(self, room: str, *commands: Any) -> "asyncio.Future[Sequence[Outcome]]":
        future: asyncio.Future[Sequence[Outcome]] = asyncio.get_running_loop().create_future()
        self.executor.execute(room, commands, future.set_result)
        return future

    def versions(self, room: str) -> list[int]:
        return [event.originator_version for event in self.log.events(room)]


@pytest.fixture(autouse=True)
def _long_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine shall not divide what a test has decided together."""
    monkeypatch.setattr(executor, "TURN", 60.0)


def test_rooms_that_wait_together_share_a_commit(store: SqliteEvents) -> None:
    async def main() -> None:
        bench = Bench(store)
        answers = [bench.ask(f"room-{n}", create(), post("p")) for n in range(20)]
        assert [await answer for answer in answers] == [[2, 3]] * 20
        assert bench.executor.commits == 1
        assert bench.published == list(range(1, 61))
        bench.executor.close()

    run(main)


def test_nothing_is_answered_or_published_before_the_commit(
    store: SqliteEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    commit = Append.commit

    def committing(append: Append) -> None:
        commit(append)
        order.append("committed")

    monkeypatch.setattr(Append, "commit", committing)

    async def main() -> None:
        bench = Bench(store)
        answer = bench.ask("room", create())
        answer.add_done_callback(lambda _: order.append("answered"))
        await answer
        await asyncio.sleep(0)
        bench.executor.close()

    run(main)
    assert order == ["committed", "answered"]


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


@pytest.mark.parametrize("size", [1, 3, 7, 999, 1_000, 1_001])
def test_what_one_commit_cannot_take_goes_into_the_next(store: SqliteEvents, size: int) -> None:
    """Batches that wait together beyond 1,000 commands: each is answered once, in order, whole."""
    batches = 2_500 // size + 1

    async def main() -> None:
        bench = Bench(store)
        assert await bench.ask("room", create()) == [2]
        asked = [
            bench.ask("room", *(post(f"p{batch}-{number}") for number in range(size)))
            for batch in range(batches)
        ]
        answers = [await answer for answer in asked]
        expected = list(range(3, 3 + batches * size))
        assert [version for answer in answers for version in answer] == expected
        assert [len(answer) for answer in answers] == [size] * batches
        assert bench.versions("room") == [1, 2, *expected]
        assert bench.published == [1, 2, *expected]
        assert 1 + batches * size // MAX_COMMANDS <= bench.executor.commits <= 1 + batches
        assert bench.executor.appended == len(bench.published)
        await bench.executor.drain()
        bench.executor.close()

    run(main)


def test_one_commit_takes_as_many_commands_as_its_bound(
    store: SqliteEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "MAX_COMMANDS", 4)

    async def main() -> None:
        bench = Bench(store)
        asked = [bench.ask(f"room-{n}", create(), post("p")) for n in range(5)]
        assert [await one for one in asked] == [[2, 3]] * 5
        assert bench.executor.commits == 3
        bench.executor.close()

    run(main)


def test_a_refusal_leaves_nothing_to_the_garbage_collector(store: SqliteEvents) -> None:
    """A collection stops everything; what strangers can have refused must not bring it about."""

    async def main() -> None:
        bench = Bench(store)
        await bench.ask("room", create())
        await bench.ask("room", replace(post("first"), by="u_stranger"))
        gc.collect()
        for number in range(50):
            (outcome,) = await bench.ask("room", replace(post(f"p{number}"), by="u_stranger"))
            assert isinstance(outcome, NotAMember)
        assert gc.collect() < 50
        bench.executor.close()

    gc.disable()
    try:
        run(main)
    finally:
        gc.enable()


def test_rooms_beyond_one_commit_are_each_answered(store: SqliteEvents) -> None:
    async def main() -> None:
        bench = Bench(store)
        rooms = [f"room-{number}" for number in range(MAX_COMMANDS + 3)]
        asked = {room: bench.ask(room, create()) for room in rooms}
        assert [await asked[room] for room in rooms] == [[2]] * len(rooms)
        assert bench.executor.commits == 2
        assert bench.published == list(range(1, 2 * len(rooms) + 1))
        bench.executor.close()

    run(main)


@pytest.mark.parametrize("rooms", [1, 7])
def test_what_a_turn_leaves_is_decided_in_the_next_in_order(
    store: SqliteEvents, monkeypatch: pytest.MonkeyPatch, rooms: int
) -> None:
    monkeypatch.setattr(executor, "TURN", -1.0)

    async def main() -> None:
        bench = Bench(store)
        ticks: list[int] = []

        async def tick() -> None:
            while True:
                ticks.append(bench.executor.appended)
                await asyncio.sleep(0)

        ticking = asyncio.ensure_future(tick())
        asked = [bench.ask(f"room-{n % rooms}", create()) for n in range(rooms)]
        asked += [bench.ask(f"room-{n % rooms}", post(f"p{n}")) for n in range(5 * rooms)]
        # What is refused is written nowhere, and yet leaves the others their turn.
        asked += [bench.ask("nowhere", post(f"q{n}")) for n in range(20)]
        answers = [await one for one in asked]
        expected = [[2]] * rooms + [[3 + n // rooms] for n in range(5 * rooms)]
        assert answers[: 6 * rooms] == expected
        assert all(isinstance(outcome, NotFound) for (outcome,) in answers[6 * rooms :])
        assert bench.published == list(range(1, 7 * rooms + 1))
        assert len(ticks) >= 20 + 5 * rooms, "the loop had its turn between"
        assert bench.executor.commits == 6 * rooms, "a turn decides one entry at least, not more"
        await bench.executor.drain()
        ticking.cancel()
        bench.executor.close()

    run(main)


def test_what_a_turn_and_a_commit_leave_keeps_its_order(
    store: SqliteEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Late in a turn and beyond a commit's bound at once: the first that came is the first."""
    monkeypatch.setattr(executor, "TURN", -1.0)
    monkeypatch.setattr(executor, "MAX_COMMANDS", 4)

    async def main() -> None:
        bench = Bench(store)
        asked = [bench.ask(room, create()) for room in ("one", "two")]
        asked += [bench.ask(("one", "two")[n % 2], post(f"p{n}")) for n in range(12)]
        answers = [await one for one in asked]
        assert answers == [[2], [2]] + [[3 + n // 2] for n in range(12)]
        bench.executor.close()

    run(main)


@pytest.mark.parametrize("bound", [MAX_COMMANDS, 4])
def test_a_room_that_uses_up_turns_lets_the_others_go_before_its_next(
    store: SqliteEvents, monkeypatch: pytest.MonkeyPatch, bound: int
) -> None:
    """40 commands of one room, each of which takes a turn, then two of another, one of a third."""
    monkeypatch.setattr(executor, "TURN", -1.0)
    monkeypatch.setattr(executor, "MAX_COMMANDS", bound)

    async def main() -> None:
        bench = Bench(store)
        for room in ("costly", "second", "third"):
            assert await bench.ask(room, create()) == [2]
        answered: list[tuple[str, Outcome]] = []

        def ask(room: str, id: str) -> None:
            bench.executor.execute(
                room, [post(id)], lambda outcomes: answered.append((room, outcomes[0]))
            )

        for number in range(40):
            ask("costly", f"p{number}")
        for room, id in (("second", "q0"), ("third", "q1"), ("second", "q2")):
            ask(room, id)
        await bench.executor.drain()
        first = [("costly", 3), ("second", 3), ("third", 3), ("costly", 4), ("second", 4)]
        assert answered == first + [("costly", version) for version in range(5, 43)]
        ids = [event.id for event in bench.log.events("costly")][2:]
        assert ids == [f"p{number}" for number in range(40)]
        bench.executor.close()

    run(main)


def test_a_long_log_is_folded_on_a_thread_and_its_commands_keep_their_order(
    store: SqliteEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        bench = Bench(store)
        await bench.ask("room", create(), *(post(f"p{n}") for n in range(FOLDED_HERE)))
        await bench.ask("other", create())
        for room in ("room", "other"):
            bench.log.evict(room)
        here, folds = threading.get_ident(), []
        fold, go = EventLog._fold, threading.Event()

        def folding(log: EventLog, log_id: str) -> Any:
            folds.append((log_id, threading.get_ident() == here))
            if log_id == "room":
                assert go.wait(10)
            return fold(log, log_id)

        monkeypatch.setattr(EventLog, "_fold", folding)
        first = [bench.ask("room", post(f"a{n}")) for n in range(3)]
        assert await bench.ask("other", post("b")) == [3], "others do not wait for it"
        more = [bench.ask("room", post(f"c{n}")) for n in range(3)]
        await bench.ask("other", post("d"))
        assert not any(one.done() for one in [*first, *more])
        drained = asyncio.ensure_future(bench.executor.drain())
        await asyncio.sleep(0)
        assert not drained.done()
        go.set()
        head = FOLDED_HERE + 2
        assert [await one for one in [*first, *more]] == [[head + n] for n in range(1, 7)]
        assert folds == [("room", False), ("other", True)]
        await drained
        bench.executor.close()

    run(main)


def test_what_came_while_a_log_was_folded_and_another_written_comes_after(
    store: SqliteEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    fold, commit = EventLog._fold, Append.commit
    folded, written = threading.Event(), threading.Event()

    def folding(log: EventLog, log_id: str) -> Any:
        assert log_id != "room" or folded.wait(10)
        return fold(log, log_id)

    def committing(append: Append) -> None:
        assert written.wait(10)
        commit(append)

    async def main() -> None:
        bench = Bench(store)
        await bench.ask("room", create(), *(post(f"p{n}") for n in range(FOLDED_HERE)))
        bench.log.evict("room")
        monkeypatch.setattr(EventLog, "_fold", folding)
        monkeypatch.setattr(Append, "commit", committing)
        first = bench.ask("room", post("first"))
        await asyncio.sleep(0)
        other = bench.ask("other", create())
        while not bench.executor._committing:
            await asyncio.sleep(0)
        second = bench.ask("room", post("second"))
        folded.set()
        while bench.executor._folding:
            await asyncio.sleep(0.001)
        written.set()
        head = FOLDED_HERE + 2
        assert [await first, await second, await other] == [[head + 1], [head + 2], [2]]
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


def test_draining_waits_for_what_was_accepted(store: SqliteEvents) -> None:
    async def main() -> None:
        bench = Bench(store)
        await bench.executor.drain()
        answers = [bench.ask(f"room-{number}", create()) for number in range(3)]
        assert not any(answer.done() for answer in answers)
        await bench.executor.drain()
        assert [answer.result() for answer in answers] == [[2]] * 3
        assert bench.published == [1, 2, 3, 4, 5, 6]
        # What changes nothing has no commit to wait for.
        again = bench.ask("room-0", create())
        await bench.executor.drain()
        assert again.result() == [2]
        assert bench.executor.commits == 1
        bench.executor.close()

    run(main)


def test_a_snapshot_goes_with_the_events_that_make_it_due(store: SqliteEvents) -> None:
    async def main() -> None:
        bench = Bench(store)
        await bench.ask("room", create())
        for number in range(2):
            posts = [post(f"p{number}-{one}") for one in range(SNAPSHOT_EVERY)]
            await bench.ask("room", *posts)
            (kept,) = store.snapshots.select_events("room")
            assert kept.originator_version == 2 + (number + 1) * SNAPSHOT_EVERY
        for number in range(4):
            await bench.ask("room", post(f"next-{number}"))
        assert len(store.snapshots.select_events("room", gt=kept.originator_version)) == 0
        bench.log.evict("room")
        assert bench.log.load("room").version == 6 + 2 * SNAPSHOT_EVERY
        bench.executor.close()

    run(main)


def test_another_writer_in_the_log_is_noticed(store: SqliteEvents) -> None:
    async def main() -> None:
        bench, other = Bench(store), Bench(store)
        assert await bench.ask("room", create()) == [2]
        assert await other.ask("room", post("theirs")) == [3]
        assert await bench.ask("room", post("ours")) == [4]
        assert bench.executor.conflicts == 1
        bench.executor.close()
        other.executor.close()

    run(main)


def test_commands_may_come_from_any_thread(store: SqliteEvents) -> None:
    async def main() -> None:
        bench = Bench(store)
        await bench.ask("room", create())
        answers: list[Sequence[Outcome]] = []

        def ask(n: int) -> None:
            bench.executor.execute("room", [post(f"p{n}")], answers.append)

        await asyncio.gather(*(asyncio.to_thread(ask, n) for n in range(50)))
        await asyncio.sleep(0)
        await bench.executor.drain()
        assert sorted(outcome for (outcome,) in answers if isinstance(outcome, int)) == list(
            range(3, 53)
        )
        bench.executor.close()

    run(main)


class Receiving:
    """A handler that keeps what it received and fails what it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.received: list[int] = []
        self.counts: list[str] = []
        self._failures = failures

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        ids = [record["messageId"] for record in event["Records"]]
        self.counts.extend(r["attributes"]["ApproximateReceiveCount"] for r in event["Records"])
        if self._failures:
            self._failures -= 1
            return {"batchItemFailures": [{"itemIdentifier": ids[-1]}]}
        self.received.extend(int(id) for id in ids)
        return {"batchItemFailures": []}


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


# Consumers that fail


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


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.001)


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
