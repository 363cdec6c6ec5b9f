"""Work off the event loop: threads with a bounded queue."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any

from domain.errors import ParleyError, RateLimited, RoomBusy
from domain.ports.background import Work
from functions.observing import report

PRESENCE_GRACE = 30.0
"""Seconds after the last close before a person is said to be offline."""

MAX_OWNED = 16
"""Number of calls of one person that may wait or run at once: the web app needs a few."""


@dataclass(slots=True)
class _Call:
    work: Callable[[], Any]
    future: "Future[Any]"


class Threads:
    """Threads for calls that may block. The owners of calls take turns, so an owner of many calls
    delays mostly their own.

    Parameters
    ----------
    limit: calls that may wait or run at once.
    owned: calls of one owner that may wait or run at once.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, threads: int, name: str, limit: int, owned: int
    ) -> None:
        self._loop = loop
        self._limit = limit
        self._owned = owned
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._waiting: dict[str, deque[_Call]] = {}
        """Calls by owner; the owner whose turn is next comes first."""
        self._open: Counter[str] = Counter()
        """Calls that wait or run, by owner."""
        self._lock = Lock()

    def submit(
        self, work: Callable[[], Any], owner: str = "", *, first: bool = False
    ) -> "Future[Any]":
        """Queues a call; from any thread.

        Parameters
        ----------
        first: whether it comes before the owner's other calls.

        Raises
        ------
        RoomBusy: too many calls wait.
        RateLimited: too many calls of the owner wait; calls without an owner have no such limit.
        """
        call = _Call(work, Future())
        with self._lock:
            if owner and self._open[owner] >= self._owned:
                raise RateLimited("too much is waiting to be answered; wait a moment")
            if self._open.total() >= self._limit:
                raise RoomBusy("the server has too much to do; try again")
            # Under the lock: a free thread would find nothing otherwise.
            self._pool.submit(self._next)
            self._open[owner] += 1
            calls = self._waiting.setdefault(owner, deque())
            if first:
                calls.appendleft(call)
            else:
                calls.append(call)
        return call.future

    def _next(self) -> None:
        """Does the first call of the owner whose turn it is."""
        with self._lock:
            owner = next(iter(self._waiting))
            call = self._waiting[owner].popleft()
            self._to_the_end(owner)
        try:
            if call.future.set_running_or_notify_cancel():
                call.future.set_result(call.work())
        except BaseException as error:
            call.future.set_exception(error)
        with self._lock:
            # Owners who arrived in the meantime go first.
            self._to_the_end(owner)
            self._open[owner] -= 1
            if not self._open[owner]:
                del self._open[owner]

    def _to_the_end(self, owner: str) -> None:
        calls = self._waiting.pop(owner, None)
        if calls:
            self._waiting[owner] = calls

    def run(self, work: Callable[[], Any], owner: str = "") -> "asyncio.Future[Any]":
        """Queues a call whose result the loop awaits. Raises as `submit` does."""
        return asyncio.wrap_future(self.submit(work, owner), loop=self._loop)

    def shutdown(self) -> None:
        self._pool.shutdown()


class LoopBackground:
    """Implements the Background port on the event loop and its threads."""

    def __init__(self, loop: asyncio.AbstractEventLoop, threads: Threads) -> None:
        self._loop = loop
        self._threads = threads
        self.settle: Callable[[str, Sequence[str]], None] = lambda user, rooms: None

    def run(self, work: Work, owner: str = "") -> None:
        self._threads.submit(lambda: self._do(work, owner), owner)

    def _do(self, work: Work, owner: str) -> None:
        try:
            rest = work()
            while rest is not None:
                left = rest
                try:
                    self._threads.submit(partial(self._do, left, owner), owner, first=True)
                    return
                except (ParleyError, RuntimeError):
                    # It was accepted, so it is completed, without giving others their turn: too
                    # much waits, or the threads are being shut down.
                    rest = left()
        except Exception as error:
            report(error)

    def presence_check(self, user: str, rooms: Sequence[str]) -> None:
        if rooms:
            self._loop.call_later(PRESENCE_GRACE, self.settle, user, rooms)
