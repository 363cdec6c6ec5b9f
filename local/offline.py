"""The use cases for a command that uses the data folder alone: no server runs."""

import asyncio
import threading

import uvloop

from adapters.memory.connections import MemoryConnections
from adapters.memory.gateway import InlineBackground, RecordingGateway
from adapters.memory.limiter import TokenBuckets
from domain.chat import Chat
from domain.deciding import Decider
from local.executor import GroupCommitExecutor
from local.stores import Stores


class Offline:
    """Use cases for a command that uses the folder alone: nobody is connected.

    Commands are committed in groups as in the server, by the same executor on a separate loop in
    another thread: an import registers hundreds of people in one commit.
    """

    def __init__(self, stores: Stores) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="parley-offline")
        self._thread.start()
        self._executor = asyncio.run_coroutine_threadsafe(self._make(stores), self._loop).result()
        self.chat = Chat(
            stores.services(
                executor=self._executor,
                connections=MemoryConnections(),
                gateway=RecordingGateway(),
                limiter=TokenBuckets(0),
                background=InlineBackground(),
            )
        )

    async def _make(self, stores: Stores) -> GroupCommitExecutor:
        decider = Decider(stores.log, stores.views, alone=True)
        loop = asyncio.get_running_loop()
        return GroupCommitExecutor(stores.log, decider, stores.events, loop, lambda notices: None)

    def close(self) -> None:
        """Waits for the accepted commands; the stores stay open."""
        asyncio.run_coroutine_threadsafe(self._executor.drain(), self._loop).result()
        self._executor.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
