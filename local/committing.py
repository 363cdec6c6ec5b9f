"""The thread that commits: the only call of an append that waits for the disk."""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue

Work = Callable[[], None]
Then = Callable[[BaseException | None], None]


class CommitThread:
    """Runs calls one after the other and notifies the loop of each.

    A ThreadPoolExecutor does the same with two futures and several locks for each call, which took
    a tenth of a quiet message's time (docs/performance.md).
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._calls: SimpleQueue[tuple[Work, Then] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="parley-commit", daemon=True)
        self._thread.start()

    def run(self, work: Work, then: Then) -> None:
        """Queues a call; `then` is called on the loop with the call's exception, or None."""
        self._calls.put((work, then))

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            work, then = call
            error: BaseException | None = None
            try:
                work()
            except BaseException as failure:
                error = failure
            if self._loop.is_closed():
                return
            self._loop.call_soon_threadsafe(then, error)

    def close(self) -> None:
        """Waits until all queued calls have run, then ends the thread."""
        self._calls.put(None)
        self._thread.join()
