"""Work apart from the event loop: threads with a bounded queue."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any

from domain.errors import RateLimited, RoomBusy
from functions.observing import report

PRESENCE_GRACE = 30.0
"""Seconds after the last close before a person is said to be offline."""

MAX_OWNED = 16
"""Pieces of one person's work that may wait or run at once: the web app asks for a few."""


class Threads:
    """Threads for calls that may block.

    Parameters
    ----------
    limit: calls that may wait or run at once.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, threads: int, name: str, limit: int
    ) -> None:
        self._loop = loop
        self._limit = limit
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._open = 0
        self._lock = Lock()

    def submit(self, work: Callable[[], Any]) -> "Future[Any]":
        """Queues a call; from any thread. Raises RoomBusy where too many wait."""
        with self._lock:
            if self._open >= self._limit:
                raise RoomBusy("the server has too much to do; try again")
            self._open += 1
        try:
            future = self._pool.submit(work)
        except BaseException:
            self._done(None)
            raise
        future.add_done_callback(self._done)
        return future

    def _done(self, _: object) -> None:
        with self._lock:
            self._open -= 1

    def run(self, work: Callable[[], Any]) -> "asyncio.Future[Any]":
        """Queues a call whose result the loop awaits. Raises RoomBusy where too many wait."""
        return asyncio.wrap_future(self.submit(work), loop=self._loop)

    def shutdown(self) -> None:
        self._pool.shutdown()


class LoopBackground:
    """Implements the Background port on the event loop and its threads.

    What `run` is given by one owner is bounded; all that waits is bounded by the threads.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, threads: Threads) -> None:
        self._loop = loop
        self._threads = threads
        self._owned: Counter[str] = Counter()
        self._lock = Lock()
        self.settle: Callable[[str, Sequence[str]], None] = lambda user, rooms: None

    def run(self, work: Callable[[], None], owner: str = "") -> None:
        with self._lock:
            if owner and self._owned[owner] >= MAX_OWNED:
                raise RateLimited("too much is waiting to be answered; wait a moment")
            self._owned[owner] += 1
        try:
            self._threads.submit(lambda: self._do(work, owner))
        except BaseException:
            self._release(owner)
            raise

    def _do(self, work: Callable[[], None], owner: str) -> None:
        try:
            work()
        except Exception as error:
            report(error)
        finally:
            self._release(owner)

    def _release(self, owner: str) -> None:
        with self._lock:
            self._owned[owner] -= 1
            if not self._owned[owner]:
                del self._owned[owner]

    def presence_check(self, user: str, rooms: Sequence[str]) -> None:
        if rooms:
            self._loop.call_later(PRESENCE_GRACE, self.settle, user, rooms)
