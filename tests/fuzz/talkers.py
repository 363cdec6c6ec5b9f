"""The process of two people who talk: `python -m tests.fuzz.talkers`, assignment on standard
input. Each posts four times a second, waits for its `ack`, and must see every event of the room
once and in order. Stops when standard input ends, and prints each post's (time, milliseconds)."""

import asyncio
import gc
import json
import sys
import time
from typing import Any

import uvloop

from tests.fuzz.client import Faults, WebSocket, call

EVERY = 0.25
"""Seconds between one person's posts: four fifths of what a person may."""

PATIENCE = 20.0
ROOM = "talk"


class Talker:
    """One person with one tab.

    Attributes
    ----------
    posts: (monotonic seconds when it was sent, milliseconds until the ack).
    problems: what should not have happened.
    """

    def __init__(self, name: str, socket: WebSocket) -> None:
        self.name = name
        self.posts: list[tuple[float, float]] = []
        self.problems: list[str] = []
        self._socket = socket
        self._held = 0
        self._acks: dict[str, asyncio.Future[int]] = {}

    async def begin(self) -> None:
        self._socket.queueing = True
        await self._send("sync", "sync", rooms={ROOM: None})
        while (got := await self._next())["type"] != "synced":
            pass
        self._held = got["rooms"][ROOM]["snapshot"]["version"]

    async def listen(self) -> None:
        while True:
            got = await self._socket.frames.get()
            if got["type"] == "ack" and got["id"] in self._acks:
                self._acks.pop(got["id"]).set_result(got["version"])
            elif got["type"] == "error":
                self.problems.append(f"{self.name}: {got}")
            elif got["type"] == "events" and got["room"] == ROOM:
                for event in got["events"]:
                    if event["version"] != self._held + 1:
                        self.problems.append(f"{self.name}: {event['version']} at {self._held}")
                    self._held = event["version"]

    async def talk(self, stop: asyncio.Event) -> None:
        count = 0
        while not stop.is_set():
            count += 1
            id = f"{self.name}-{count}"
            ack = self._acks[id] = asyncio.get_running_loop().create_future()
            begun = time.monotonic()
            await self._send("post", id, room=ROOM, text=f"message {count}", since=self._held)
            try:
                await asyncio.wait_for(ack, PATIENCE)
            except TimeoutError:
                self.problems.append(f"{self.name}: no ack within {PATIENCE} s")
                return
            lasted = time.monotonic() - begun
            self.posts.append((begun, lasted * 1e3))
            await asyncio.sleep(max(0.0, EVERY - lasted))

    async def _next(self) -> dict[str, Any]:
        return await asyncio.wait_for(self._socket.frames.get(), PATIENCE)

    async def _send(self, action: str, id: str, **fields: Any) -> None:
        await self._socket.send(json.dumps({"action": action, "id": id, **fields}).encode())


async def _main() -> None:
    loop = asyncio.get_running_loop()
    given = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    faults = Faults()
    talkers = []
    for number, token in enumerate(given["tokens"]):
        reply = await call(given["origin"], "POST", b"/api/tickets", faults, token=token)
        socket = await WebSocket.open(json.loads(reply.body)["url"], faults)
        talkers.append(Talker(f"t{number}", socket))
    stop = asyncio.Event()

    def wait() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(stop.set)

    ended = loop.run_in_executor(None, wait)
    for talker in talkers:
        await talker.begin()
    listening = [asyncio.create_task(talker.listen()) for talker in talkers]
    gc.freeze()
    print("ready", flush=True)
    await asyncio.gather(*(talker.talk(stop) for talker in talkers))
    await ended
    for task in listening:
        task.cancel()
    posts = sorted(post for talker in talkers for post in talker.posts)
    problems = [problem for talker in talkers for problem in talker.problems]
    print(json.dumps({"posts": posts, "problems": problems + faults.found}))


if __name__ == "__main__":
    uvloop.run(_main())
