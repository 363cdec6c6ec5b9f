"""The thread that commits: calls in order, failures handed on, none lost when it is closed."""

import asyncio
import threading
import time

from local.committing import CommitThread


def test_calls_run_in_order_on_one_thread_and_are_told_on_the_loop() -> None:
    async def main() -> None:
        commits = CommitThread(asyncio.get_running_loop())
        ran: list[tuple[int, int]] = []
        told: list[tuple[int, int, str]] = []
        done = asyncio.Event()

        def work(number: int) -> None:
            ran.append((number, threading.get_ident()))
            if number == 1:
                raise OSError("the disk is full")

        def then(number: int, error: BaseException | None) -> None:
            told.append((number, threading.get_ident(), str(error)))
            if number == 2:
                done.set()

        for number in range(3):
            commits.run(lambda n=number: work(n), lambda error, n=number: then(n, error))  # type: ignore[misc]
        await asyncio.wait_for(done.wait(), 10)
        commits.close()
        here = threading.get_ident()
        assert [number for number, _ in ran] == [0, 1, 2]
        assert len({thread for _, thread in ran} | {here}) == 2
        assert told == [(0, here, "None"), (1, here, "the disk is full"), (2, here, "None")]

    asyncio.run(main())


def test_closing_waits_for_what_is_queued() -> None:
    async def main() -> None:
        commits = CommitThread(asyncio.get_running_loop())
        ran: list[int] = []
        told: list[int] = []

        def slow(number: int) -> None:
            time.sleep(0.05)
            ran.append(number)

        for number in range(3):
            commits.run(lambda n=number: slow(n), lambda error, n=number: told.append(n))  # type: ignore[misc]
        commits.close()
        assert ran == [0, 1, 2]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert told == [0, 1, 2]

    asyncio.run(main())
