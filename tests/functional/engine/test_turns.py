"""Who is decided next: turns, what they leave, and logs that are folded on a thread first."""

import asyncio
import threading
from typing import Any

import pytest

from adapters.sqlite.events import Append, SqliteEvents
from domain.errors import NotFound
from domain.log import EventLog
from domain.ports.commands import Outcome
from local import executor
from local.executor import FOLDED_HERE, MAX_COMMANDS
from tests.functional.engine.bench import Bench, create, post, run


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
