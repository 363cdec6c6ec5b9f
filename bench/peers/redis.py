"""Redis with a synced append-only file, and its client.

A message is one XADD to the room's stream and one PUBLISH on its channel, sent together. Redis
writes and syncs its file once for all commands of a turn of its loop, before the answers and the
publications of that turn go out. It has no permissions, no ids and no folds: it shows what the
machine can do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bench.peers.member import MARK, Chunk, Member, Run, enter, gather, runs_of, text_of
from bench.peers.process import Peer
from bench.server import HOST

WHOLE = b"x\r\n"
"""Ends a published text."""
TEXTS = re.compile(rb"\r\n\$\d+\r\n" + MARK)
ADDED = re.compile(rb"\$\d+\r\n\d+-\d+\r\n")
ANSWERS = re.compile(rb"(?:\$\d+\r\n\d+-\d+\r\n|:\d+\r\n)*")
"""Whole answers to XADD and PUBLISH."""

CONFIG = """
bind {host}
port {port}
dir {folder}
save ""
appendonly yes
appendfsync always
auto-aof-rewrite-percentage 0
client-output-buffer-limit pubsub 0 0 0
io-threads 1
daemonize no
"""


class RedisMember(Member):
    """A RESP3 connection, which may publish and be subscribed at once."""

    def __init__(self, run: Run, index: int, room: str) -> None:
        super().__init__(run, index, room)
        self._rest = b""
        name = room.encode()
        self._add = b"*5\r\n$4\r\nXADD\r\n$%d\r\n%b\r\n$1\r\n*\r\n$1\r\nm\r\n" % (len(name), name)
        self._publish = b"*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%b\r\n" % (len(name), name)

    def cut(self, data: bytes) -> Sequence[bytes]:
        data = self._rest + data
        end = data.rfind(WHOLE)
        end = 0 if end < 0 else end + len(WHOLE)
        answers = ANSWERS.match(data, end)
        end = answers.end() if answers else end
        self._rest = data[end:]
        return (data[:end],) if end else ()

    def scan(self, chunk: bytes) -> Chunk:
        if b"\r\n-" in chunk or chunk.startswith(b"-"):
            raise ValueError(chunk[:500].decode(errors="replace"))
        return Chunk(runs_of(TEXTS.findall(chunk)), len(ADDED.findall(chunk)))

    def encode(self, text: bytes) -> bytes:
        body = b"$%d\r\n%b\r\n" % (len(text), text)
        return self._add + body + self._publish + body

    async def enter(self) -> None:
        """Subscribes to the room's channel."""
        self.write(b"HELLO 3\r\n")
        await self.until(b"modules\r\n*0\r\n")
        self.write(b"SUBSCRIBE %b\r\n" % self.room.encode())
        await self.until(b":1\r\n")


class Redis(Peer):
    """Debian's redis-server."""

    name = "Redis"
    promise = "its append-only file is synced before the answer and before any publication"

    def command(self) -> Sequence[str]:
        config = self.folder / "redis.conf"
        config.write_text(CONFIG.format(host=HOST, port=self.port, folder=self.folder))
        return ["redis-server", str(config)]

    async def members(self, run: Run, rooms: int, members: int) -> list[list[Member]]:
        async def member(index: int, room: str) -> Member:
            return await enter(RedisMember(run, index, room), self.port)

        return await gather(rooms, members, member)

    def stored(self) -> int:
        mark = text_of(0, 0)[-8:]
        found = 0
        for part in (self.folder / "appendonlydir").glob("*.incr.aof"):
            found += part.read_bytes().count(mark + b"\r\n")
        return found
