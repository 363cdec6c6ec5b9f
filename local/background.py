"""Work off the event loop: threads with a bounded queue."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from domain.errors import RateLimited, RoomBusy
from functions.observing import report

PRESENCE_GRACE = 30.0
"""Seconds after the last close before a person is said to be offline."""

MAX_OWNED = 16
"""Number of calls of one person that may wait or run at once: the web app needs a few."""


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
        """Queues a call; from any thread. Raises RoomBusy if too many wait."""
        with self._lock:
            if self._open >= self._limit:
                raise RoomBusy("the server is overloaded; try again")
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
        """Queues a call whose result the loop awaits. Raises RoomBusy if too many wait."""
        return asyncio.wrap_future(self.submit(work), loop=self._loop)

    def shutdown(self) -> None:
        self._pool.shutdown()


@dataclass(slots=True)
class _Owned:
    """One person's work: the number of calls that wait or run, and the waiting calls."""

    open: int = 0
    waiting: deque[Callable[[], None]] = field(default_factory=deque)


class LoopBackground:
    """Implements the Background port on the event loop and its threads.

    The calls of one owner are limited; the threads limit all waiting calls. The owners take turns,
    so that a person with many calls delays only themselves.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, threads: Threads) -> None:
        self._loop = loop
        self._threads = threads
        self._owned: dict[str, _Owned] = {}
        """Owners with waiting or running work, the next one first."""
        self._lock = Lock()
        self.settle: Callable[[str, Sequence[str]], None] = lambda user, rooms: None

    def run(self, work: Callable[[], None], owner: str = "") -> None:
        with self._lock:
            owned = self._owned.get(owner) or _Owned()
            if owner and owned.open >= MAX_OWNED:
                raise RateLimited("too many of your requests are waiting; wait a moment")
            # Queued under the lock: otherwise a free thread would find nothing.
            self._threads.submit(self._next)
            owned.open += 1
            owned.waiting.append(work)
            self._owned.setdefault(owner, owned)

    def _next(self) -> None:
        """Runs the first waiting call of the person whose turn it is."""
        with self._lock:
            owner, owned = next(item for item in self._owned.items() if item[1].waiting)
            work = owned.waiting.popleft()
            # Behind all others.
            self._owned[owner] = self._owned.pop(owner)
        try:
            work()
        except Exception as error:
            report(error)
        finally:
            self._release(owner)

    def _release(self, owner: str) -> None:
        with self._lock:
            owned = self._owned[owner]
            owned.open -= 1
            if not owned.open:
                del self._owned[owner]

    def presence_check(self, user: str, rooms: Sequence[str]) -> None:
        if rooms:
            self._loop.call_later(PRESENCE_GRACE, self.settle, user, rooms)
