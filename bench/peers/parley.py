"""Parley and its client."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Sequence

import orjson

from bench.peers.member import MARK, Chunk, Member, Run, enter, gather, runs_of
from bench.peers.process import Peer
from bench.rest import Rest
from bench.server import HOST, parley
from bench.wire import PING, PONG, TEXT, FrameError, Splitter, encode

TEXTS = re.compile(rb'"text":"' + MARK)


class ParleyMember(Member):
    """A WebSocket connection."""

    def __init__(self, run: Run, index: int, room: str, address: str, first: bool) -> None:
        super().__init__(run, index, room)
        self._address, self._first = address, first
        self._splitter = Splitter()
        self._commands = 0

    def cut(self, data: bytes) -> Sequence[bytes]:
        chunks = []
        try:
            for first, payload in self._splitter.feed(data):
                if first == TEXT:
                    chunks.append(payload)
                elif first == PING:
                    self.write(encode(payload, PONG))
                else:
                    raise ValueError(f"a frame that begins {first:#x}: {payload!r}")
        except FrameError as fault:
            raise ValueError(str(fault)) from fault
        return chunks

    def scan(self, chunk: bytes) -> Chunk:
        if chunk.startswith(b'{"type":"ack"'):
            return Chunk(acks=1)
        if chunk.startswith(b'{"type":"error"'):
            raise ValueError(chunk.decode())
        return Chunk(runs_of(TEXTS.findall(chunk)))

    def encode(self, text: bytes) -> bytes:
        body = {
            "action": "post",
            "id": text[:11].decode(),
            "room": self.room,
            "text": text.decode(),
        }
        return encode(orjson.dumps(body))

    async def enter(self) -> None:
        """Opens the WebSocket; creates the room or joins it."""
        host, target = self._address.split("/", 3)[2:]
        self.write(
            f"GET /{target} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: cGFybGV5IHBlZXJzIGJlbg==\r\n\r\n".encode()
        )
        head = await self.until(b"\r\n\r\n")
        if b" 101 " not in head:
            raise ConnectionError(head.decode())
        if self._first:
            await self.command("sync", rooms={})
            await self.command("create_room", room=self.room, name=self.room, kind="public")
        await self.command("sync", rooms={self.room: None})
        if not self._first:
            await self.command("join", room=self.room)

    async def command(self, action: str, **fields: object) -> None:
        """Sends a command and waits for its answer."""
        self._commands += 1
        name = f"s{self.index}.{self._commands}"
        self.write(encode(orjson.dumps({"action": action, "id": name, **fields})))
        await self.until(f'"id":"{name}"'.encode())


class Parley(Peer):
    """`parley serve`, as installed; only the rate limit is off."""

    name = "Parley"
    promise = "events.sqlite is synced before the ack and before any delivery"

    def command(self) -> Sequence[str]:
        arguments = ["--host", HOST, "--port", str(self.port), "--rate", "0"]
        return [*parley(), "serve", *arguments, "--data-dir", str(self.folder / "data")]

    async def members(self, run: Run, rooms: int, members: int) -> list[list[Member]]:
        rest = Rest(HOST, self.port)

        async def member(index: int, room: str) -> Member:
            token = rest.call("POST", "/api/session", {"nickname": f"person-{index}"})["token"]
            address = rest.call("POST", "/api/tickets", token=token)["url"]
            first = index % members == 0
            return await enter(ParleyMember(run, index, room, address, first), self.port)

        found = await gather(rooms, members, member)
        rest.close()
        await asyncio.sleep(0.5)  # Pushes of the joins are not measured.
        return found

    def stored(self) -> int:
        with sqlite3.connect(self.folder / "data" / "events.sqlite") as database:
            row = database.execute(
                "SELECT count(*) FROM stored_events WHERE topic LIKE '%posted%'"
            ).fetchone()
        database.close()
        return int(row[0])
