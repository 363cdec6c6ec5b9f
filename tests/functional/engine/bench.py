"""What tests of the local engine share: an executor over a real store, and a handler that keeps
what it receives."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from adapters.sqlite.events import SqliteEvents
from domain.deciding import Decider
from domain.log import EventLog
from domain.ports.commands import Outcome
from domain.room.lifecycle import CreateRoom
from domain.room.messages import Post
from local.executor import GroupCommitExecutor
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


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.001)
