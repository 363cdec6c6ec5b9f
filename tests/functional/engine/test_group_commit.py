"""What one commit takes, when it is answered, and what goes with it."""

import asyncio
import gc
from collections.abc import Sequence
from dataclasses import replace

import pytest

from adapters.sqlite.events import Append, SqliteEvents
from domain.errors import NotAMember
from domain.log import SNAPSHOT_EVERY
from domain.ports.commands import Outcome
from local import executor
from local.executor import MAX_COMMANDS
from tests.functional.engine.bench import Bench, create, post, run


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
