"""Composition root of the local engine: stores, executor, feed and gateway, wired once."""

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from adapters.memory.connections import MemoryConnections
from adapters.memory.limiter import TokenBuckets
from domain.chat import Chat
from domain.chat.consumers import TrackMemberships
from domain.deciding import Decider
from domain.errors import Internal, RoomBusy, Unauthenticated
from functions import (
    authorize,
    bootstrap,
    deliver,
    http_api,
    project_views,
    socket_connect,
    socket_disconnect,
    socket_message,
    track_memberships,
)
from functions.observing import logger, report
from local.background import MAX_OWNED, LoopBackground, Threads
from local.consumer import MAX_LAG, Subscription
from local.executor import GroupCommitExecutor
from local.feed import Feed
from local.gateway import SocketGateway
from local.payloads import CONTEXT
from local.readiness import Readiness
from local.sockets import FRAMES
from local.stores import Stores

APPEND_FAILED = 30.0
"""Seconds for which the engine is not ready after a failed append, unless a later one succeeds. A
longer time would keep an engine out of service that gets no commands that could succeed."""

THREADS = 1
"""Threads for frames that read a lot, such as `sync`. The interpreter runs one thread at a time:
each further busy thread takes an equal share from the loop, and no work is finished sooner. With
four, searches of strangers made others wait for 146 to 287 ms (p99 of `python -m tests.fuzz
--seconds 20`); with one, for 21 to 56."""

HTTP_THREADS = 2
"""For the HTTP API: entering and tickets wait for the disk, and pages need not wait for them. More
gain little and take time from the loop, which writes messages (docs/adr/0014)."""

HTTP_OWNED = 64
"""HTTP calls of one session that may wait or run at once: a browser sends six at a time."""

MAX_CALLS = 1_000
"""Maximum of calls that wait for a thread; more are refused. At a millisecond each, the last one
waits for half a second."""

LISTS_WAIT = 5.0
"""Seconds that a list of rooms waits for the views before it is refused."""

DURABLE = {
    "project_views": Subscription(project_views.handler, together=True),
    "track_memberships": Subscription(track_memberships.handler, TrackMemberships.topics),
}


@dataclass(frozen=True)
class SocketHandlers:
    """The Lambda handlers behind the WebSocket gateway."""

    authorize: Callable[[Any, Any], dict[str, Any]] = authorize.handler
    connect: Callable[[Any, Any], dict[str, Any]] = socket_connect.handler
    message: Callable[[Any, Any], dict[str, Any]] = socket_message.handler
    disconnect: Callable[[Any, Any], dict[str, Any]] = socket_disconnect.handler


class Engine:
    """The running engine: stores, executor, feed and gateway on one event loop.

    Parameters
    ----------
    allowed: returns whether a Host and Origin may connect.
    rate: commands a minute per person; 0 for no limit.
    """

    def __init__(
        self,
        stores: Stores,
        loop: asyncio.AbstractEventLoop,
        allowed: Callable[[str, str | None], bool],
        rate: float,
    ) -> None:
        self.stores = stores
        self.loop = loop
        self._threads = Threads(loop, THREADS, "parley-call", MAX_CALLS, MAX_OWNED)
        self._http = Threads(loop, HTTP_THREADS, "parley-http", MAX_CALLS, HTTP_OWNED)
        self._handshakes = Threads(loop, 1, "parley-handshake", MAX_CALLS, MAX_CALLS)
        self.feed = Feed(stores.events.events, stores.progress, loop)
        self.executor = GroupCommitExecutor(
            stores.log,
            Decider(stores.log, stores.views, alone=True),
            stores.events,
            loop,
            self.feed.publish,
        )
        self.readiness = Readiness(stores.folder.path, self.troubles, loop)
        self.gateway = SocketGateway(
            SocketHandlers(authorize=self._authorize),
            loop,
            allowed,
            self.in_thread,
            frames=FRAMES if rate else 0,
        )
        background = LoopBackground(loop, self._threads)
        self.connections = MemoryConnections()
        self.chat = Chat(
            stores.services(
                executor=self.executor,
                connections=self.connections,
                gateway=self.gateway,
                limiter=TokenBuckets(rate),
                background=background,
            )
        )
        background.settle = self.chat.settle_presence
        bootstrap.use(self.chat)
        self.feed.add_prompt("deliver", deliver.handler)
        for name, subscription in DURABLE.items():
            self.feed.add(name, subscription)
        self.feed.start()
        self._log_folding()

    def _log_folding(self) -> None:
        """Logs that all views are folded anew, and why; a new folder has nothing to fold."""
        events = self.stores.events.events.max_notification_id()
        if self.stores.folds_anew is not None and events:
            extra = {"reason": self.stores.folds_anew, "events": events}
            logger.info("views are folded anew", extra=extra)

    def _authorize(self, event: Any, context: Any) -> dict[str, Any]:
        """Redeems a ticket, on a thread; the data that the loop needs afterwards is then in
        memory."""
        policy: dict[str, Any] = authorize.handler(event, context)
        user = policy["context"].get("user")
        if user:
            self.chat.preparing.fold(user)
        return policy

    def in_thread(self, work: Callable[[], Any]) -> "asyncio.Future[Any]":
        """Runs a call that may block on a thread. Raises RoomBusy if too many wait."""
        return self._handshakes.run(work)

    async def call_api(self, event: dict[str, Any]) -> dict[str, Any]:
        """Runs the HTTP API's handler on a thread that may block. Raises RoomBusy if too many calls
        wait, RateLimited if too many of the session do."""
        # The owner is the person in the call; the handler checks whether that is true.
        owner = event["headers"].get("authorization") or event["requestContext"]["http"]["sourceIp"]
        answer = await self._http.run(lambda: http_api.handler(event, CONTEXT), owner)
        return cast(dict[str, Any], answer)

    async def fresh(self, token: str | None) -> None:
        """Waits until the views show everything that was acknowledged before the call.

        A call without a session does not wait and does not start a consumer: the handler refuses
        it.

        Raises
        ------
        RoomBusy: the views did not catch up in time, or are more than MAX_LAG events behind, so
            that lists would be incomplete; or too many calls wait.
        Internal: the accounts cannot be read.
        """
        if self.feed.is_caught_up("project_views"):
            return
        try:
            await self._http.run(lambda: self.chat.sessions.who(token), f"Bearer {token}")
        except Unauthenticated:
            return
        except (sqlite3.Error, OSError) as error:
            report(error)
            raise Internal from error
        if not await self.feed.caught_up("project_views", LISTS_WAIT, MAX_LAG):
            raise RoomBusy("the rooms are being prepared; try again")

    def wait_caught_up(self, timeout: float) -> None:
        """Waits, on a thread of its own, for the durable consumers or the time."""

        async def wait() -> None:
            for name in DURABLE:
                await self.feed.caught_up(name, timeout)

        asyncio.run_coroutine_threadsafe(wait(), self.loop).result()

    def status(self) -> dict[str, Any]:
        """Returns the engine's counters, for /healthz."""
        return {
            "connections": len(self.gateway.sockets),
            "events": self.feed.head,
            "commits": self.executor.commits,
            "conflicts": self.executor.conflicts,
            "lag": self.feed.lag(),
        }

    def troubles(self) -> list[str]:
        """Returns the reasons why the engine is not ready, one line each, for /readyz."""
        failed = self.executor.failed_at
        recent = failed is not None and self.loop.time() - failed < APPEND_FAILED
        return [*(["the log cannot be appended to"] if recent else []), *self.feed.troubles()]

    async def close(self) -> None:
        """Waits until accepted commands are durable, then closes everything."""
        await self.executor.drain()
        await self.in_thread(self.feed.close)
        self._threads.shutdown()
        self._http.shutdown()
        self._handshakes.shutdown()
        self.executor.close()
        bootstrap.use(None)
        self.stores.close()
