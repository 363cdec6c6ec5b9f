"""The process that fuzzes: `python -m tests.fuzz.attack` with the assignment on standard input.

It stops when standard input ends, and prints what it counted and what was answered wrongly.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvloop

from local.control import ask
from operations.common import OperationError
from tests.fuzz.client import Faults, WebSocket, call
from tests.fuzz.draw import Draw, Known
from tests.server.raw import PING, TEXT, frame, handshake

OPERATION = 40.0
"""Seconds within which an operation ends, on a busy machine too."""

LOST = (OSError, TimeoutError, asyncio.IncompleteReadError)


class Attack:
    """All that one run sends.

    Parameters
    ----------
    origin: where the server is.
    folder: its data folder, for the control socket.
    """

    def __init__(self, origin: str, folder: Path, seed: int, world: dict[str, Any]) -> None:
        self.origin = origin
        self.folder = folder
        self.faults = Faults()
        self._seed = seed
        self._known = Known(dict(world["rooms"]), list(world["people"]))
        self._tokens: list[str] = world["tokens"]
        self.operating: tuple[str, float, Any] | None = None
        """The operation that runs, since when, and what it was given."""

    async def run(self, stop: asyncio.Event) -> None:
        workers: list[tuple[str, Callable[[Draw], Coroutine[Any, Any, None]]]] = [
            *((f"frames {n}", self._frames(token)) for n, token in enumerate(self._tokens)),
            ("slow", self.slow),
            ("drops", self.drops),
            ("calls 1", self.calls),
            ("calls 2", self.calls),
            ("imports", self.imports),
        ]
        tasks = [asyncio.create_task(self._repeat(name, work)) for name, work in workers]
        ended = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait([*tasks, ended], return_when=asyncio.FIRST_COMPLETED)
        for task in done - {ended}:
            task.result()
        for task in tasks:
            task.cancel()

    async def _repeat(self, name: str, work: Callable[[Draw], Coroutine[Any, Any, None]]) -> None:
        draw = Draw(f"{self._seed} {name}", self._known)
        while True:
            with suppress(*LOST):
                await work(draw)
            self.faults.answers[f"turns of {name.split(maxsplit=1)[0]}"] += 1
            await asyncio.sleep(draw.dice.uniform(0.02, 0.2))

    async def _ticket(self, token: str) -> str:
        reply = await call(self.origin, "POST", b"/api/tickets", self.faults, token=token)
        if reply.status == 429:
            await asyncio.sleep(1)
        if reply.status != 201:
            raise ConnectionRefusedError
        return str(json.loads(reply.body)["url"])

    # Frames

    def _frames(self, token: str) -> Callable[[Draw], Coroutine[Any, Any, None]]:
        async def work(draw: Draw) -> None:
            socket = await WebSocket.open(await self._ticket(token), self.faults)
            try:
                await socket.send(self._first_sync(draw))
                for _ in range(draw.dice.choice((1, 20, 100, 400))):
                    if not socket.open_still:
                        break
                    await self._round(draw, socket)
            finally:
                await socket.close(abruptly=draw.maybe(0.5))

        return work

    def _first_sync(self, draw: Draw) -> bytes:
        rooms = {room: draw.since(room) for room in self._known.rooms if draw.maybe(0.6)}
        return json.dumps({"action": "sync", "id": draw.id(), "rooms": rooms, "user": 0}).encode()

    async def _round(self, draw: Draw, socket: WebSocket) -> None:
        how = draw.dice.random()
        if how < 0.7:
            await socket.send(draw.frame())
        elif how < 0.95:
            await socket.send(*(draw.frame() for _ in range(draw.dice.choice((5, 20, 60)))))
        elif how < 0.97:
            # Each is answered: what one write may hold is what the loop does in one go.
            small = draw.dice.choice((b"{}", b"", b'{"action":"ping"}', b'{"action":"typing"}'))
            await socket.send(*[small] * draw.dice.choice((500, 3_000)))
        elif how < 0.98:
            whole = draw.frame()
            half = len(whole) // 2
            await socket.send_bytes(
                frame(whole[:half], fin=False) + frame(b"x", PING) + frame(whole[half:], 0)
            )
        elif how < 0.985:
            await socket.send_bytes(frame(b"\xff", TEXT) if draw.maybe(0.5) else b"\x01")
            await asyncio.sleep(0.05)
        else:
            same = draw.frame()
            await socket.send(*[same] * 30)
        await asyncio.sleep(draw.dice.choice((0, 0.01, 0.02, 0.1)))

    async def slow(self, draw: Draw) -> None:
        """Asks for much and reads none of it."""
        token = draw.dice.choice(self._tokens)
        socket = await WebSocket.open(await self._ticket(token), self.faults, reading=False)
        try:
            for turn in range(draw.dice.choice((5, 60, 200))):
                rooms = dict.fromkeys(self._known.rooms, None if turn % 2 else 0)
                ask = {"action": "sync", "id": f"s{turn}", "rooms": rooms, "user": 0}
                await socket.send(json.dumps(ask).encode())
                await asyncio.sleep(draw.dice.choice((0, 0, 0.05)))
            await asyncio.sleep(draw.dice.uniform(0, 4))
        finally:
            await socket.close(abruptly=True)

    # Connections and calls

    async def drops(self, draw: Draw) -> None:
        """Opens connections of every kind and drops them."""
        host, _, port = self.origin.removeprefix("http://").partition(":")
        tickets = [await self._ticket(draw.dice.choice(self._tokens)) for _ in range(2)]
        hello = handshake(draw.dice.choice((tickets[0], f"ws://{host}:{port}/ws?ticket=none")))
        for _ in range(draw.dice.choice((1, 5, 20))):
            reader, writer = await asyncio.open_connection(host, int(port))
            choice = draw.dice.randrange(5)
            if choice == 0:
                writer.write(hello[: draw.dice.randrange(len(hello))])
            elif choice == 1:
                writer.write(hello)
            elif choice == 2:
                writer.write(hello + frame(b'{"action":"ping"}') * 50)
            elif choice == 3:
                writer.write(b"GET /ws?ticket=" + b"t" * 20_000 + b" HTTP/1.1\r\n")
            else:
                writer.write(handshake(tickets[1], version="12", key="short"))
            with suppress(TimeoutError):
                await asyncio.wait_for(reader.read(100), draw.dice.choice((0.001, 0.05)))
            writer.transport.abort()

    async def calls(self, draw: Draw) -> None:
        method, path, body = draw.call()
        token: str | None = draw.dice.choice(self._tokens)
        if draw.maybe(0.2):
            token = draw.dice.choice((None, "x", "t" * 3_000))
            if draw.maybe(0.3):
                method, path = "DELETE", b"/api/session"
        headers: tuple[bytes, ...] = ()
        if draw.maybe(0.1):
            headers = (
                draw.dice.choice(
                    (b"Origin: http://else.example", b"X-A: " + b"a" * 9_000, b"Expect: 1", b"X:")
                ),
            )
        await call(self.origin, method, path, self.faults, token=token, body=body, headers=headers)

    # Imports

    async def imports(self, draw: Draw) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            files = []
            for _ in range(draw.dice.choice((1, 1, 3))):
                name, content, replies = draw.log()
                path = Path(scratch) / name
                path.write_bytes(content)
                path.with_name(name.replace(".log.txt", ".replies.txt")).write_bytes(replies)
                files.append(str(path))
            if draw.maybe(0.1):
                files.append(str(Path(scratch) / draw.dice.choice(("", "2011-01-01_01.log.txt"))))
            room = draw.dice.choice(("irc-1", "irc-2", "some-public", "some-private", "A B", ""))
            given = {"files": files, "room": room, "strict": draw.maybe(0.2)}
            await asyncio.to_thread(self._operate, "import-irc", given)
        if draw.maybe(0.1):
            await asyncio.to_thread(self._operate, "rebuild", {})
        await asyncio.sleep(draw.dice.uniform(0.1, 2))

    async def settled(self) -> None:
        """Waits for the operation that runs; one that does not end is a fault."""
        end = time.monotonic() + OPERATION
        while self.operating is not None and time.monotonic() < end:
            await asyncio.sleep(0.05)
        if self.operating is not None:
            name, since, given = self.operating
            self.faults.add(f"{name} has run for {time.monotonic() - since:.0f} s", given)

    def _operate(self, name: str, given: dict[str, Any]) -> None:
        self.operating = (name, time.monotonic(), given)
        try:
            lines = ask(self.folder, name, given, lambda done, total: None)
            assert lines is not None, "no server answers"
            for line in lines:
                if "Traceback" in line:
                    self.faults.add(f"{name} said {line}", given)
            self.faults.answers[f"{name} done"] += 1
        except OperationError as error:
            self.faults.answers[f"{name} refused"] += 1
            if "failed" in str(error):
                self.faults.add(f"{name}: {error}", given)
        finally:
            self.operating = None


async def _main() -> None:
    loop = asyncio.get_running_loop()
    given = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    attack = Attack(given["origin"], Path(given["folder"]), given["seed"], given["world"])
    stop = asyncio.Event()

    def wait() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(stop.set)

    ended = loop.run_in_executor(None, wait)
    print("ready", flush=True)
    await attack.run(stop)
    await ended
    await attack.settled()
    faults = attack.faults
    found = {"faults": faults.found, "answers": dict(sorted(faults.answers.items()))}
    print(json.dumps(found), flush=True)
    # A thread that waits for an operation without an end would keep the process.
    os._exit(0)


if __name__ == "__main__":
    # People who talk have the processor first: their time is what is measured.
    os.nice(15)
    uvloop.run(_main())
