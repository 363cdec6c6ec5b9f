"""Work apart from the event loop: threads with a bounded queue."""

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


@dataclass(slots=True)
class _Owned:
    """One person's work: how much of it waits or runs, and what waits."""

    open: int = 0
    waiting: deque[Callable[[], None]] = field(default_factory=deque)


class LoopBackground:
    """Implements the Background port on the event loop and its threads.

    What `run` is given by one owner is bounded; all that waits is bounded by the threads. The
    owners take turns, so that whoever asks for much waits for it themselves.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, threads: Threads) -> None:
        self._loop = loop
        self._threads = threads
        self._owned: dict[str, _Owned] = {}
        """Of whom work waits or runs, the next one first."""
        self._lock = Lock()
        self.settle: Callable[[str, Sequence[str]], None] = lambda user, rooms: None

    def run(self, work: Callable[[], None], owner: str = "") -> None:
        with self._lock:
            owned = self._owned.get(owner) or _Owned()
            if owner and owned.open >= MAX_OWNED:
                raise RateLimited("too much is waiting to be answered; wait a moment")
            # Queued under the lock: a thread that is free would find nothing otherwise.
            self._threads.submit(self._next)
            owned.open += 1
            owned.waiting.append(work)
            self._owned.setdefault(owner, owned)

    def _next(self) -> None:
        """Does the first that waits of the person whose turn it is."""
        with self._lock:
            owner, owned = next(item for item in self._owned.items() if item[1].waiting)
            work = owned.waiting.popleft()
            # Behind everybody else.
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
