"""Rooms under load: the rate of accepted and delivered messages, and their latency.

A delivery is one event received by one connection, including the writer's own. Latency is from a
post's `write` to its event's bytes at every connection but the writer's. Each run has a server,
a folder and people of its own; a warm-up goes before the measured window.
"""

from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass
from time import perf_counter, process_time

from bench.client import Connection, connect
from bench.ledger import Ledger
from bench.machine import GENERATOR_CORES, SERVER_CORES, busy_s, percentile
from bench.server import Server

WARM_UP = 1.5
DRAIN = 15.0
PAUSE = 0.002
"""Seconds of silence before each message of `paused`."""


@dataclass(frozen=True)
class Plan:
    """Number of rooms, members per room, writers per room, and the window of each writer."""

    rooms: int
    members: int
    writers: int
    window: int


@dataclass(frozen=True)
class LoadFigures:
    """One run. Rates per second; times in ms; shares of one core in percent.

    `conflicts` are the room_busy answers, `server_conflicts` what /healthz counts (nan: nothing);
    `behind` is how many events the slowest view lagged when the window ended; `others` is what
    further processes took of the two cores.
    """

    accepted: float
    deliveries: float
    p50_ms: float
    p99_ms: float
    ack_p50_ms: float
    ack_p99_ms: float
    conflicts: int
    server_conflicts: float
    behind: float
    events_per_frame: float
    bytes_per_delivery: float
    server_cpu: float
    generator_cpu: float
    others: float
    failures: tuple[str, ...]


async def one_room(server: Server, seconds: float) -> LoadFigures:
    """1 room of 50 members, 5 of them writing with a window of 16."""
    return await _load(server, Plan(rooms=1, members=50, writers=5, window=16), seconds)


async def many_rooms(server: Server, seconds: float) -> LoadFigures:
    """100 rooms of 4 members, 1 of them writing with a window of 4."""
    return await _load(server, Plan(rooms=100, members=4, writers=1, window=4), seconds)


async def many_writers(server: Server, seconds: float) -> LoadFigures:
    """20 members of one room, all writing with a window of 4."""
    return await _load(server, Plan(rooms=1, members=20, writers=20, window=4), seconds)


async def quiet(server: Server, seconds: float) -> LoadFigures:
    """2 members; one message at a time: the next when both have it and it is acknowledged."""
    return await _talk(server, seconds, 0.0)


async def paused(server: Server, seconds: float) -> LoadFigures:
    """Like quiet, with a silence before each message.

    Other processes then use the processor caches and the core may sleep: about twice as slow, like
    for two people who type.
    """
    return await _talk(server, seconds, PAUSE)


async def _talk(server: Server, seconds: float, pause: float) -> LoadFigures:
    ledger = Ledger()
    connections = await gather_room(server, ledger, "quiet", 2)
    writer, reader = connections

    async def talk(until: float) -> None:
        while perf_counter() < until:
            writer.post()
            head = reader.head + 1
            give_up = perf_counter() + DRAIN
            while writer.in_flight or writer.head < head or reader.head < head:
                for connection in connections:
                    connection.progress.clear()
                waits = [asyncio.create_task(each.progress.wait()) for each in connections]
                await asyncio.wait(waits, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
                for wait in waits:
                    wait.cancel()
                if perf_counter() > give_up:
                    ledger.fail("quiet: a message was not answered or not received")
                    return
            if pause:
                await asyncio.sleep(pause)

    await talk(perf_counter() + WARM_UP)
    window = _Window(server)
    await talk(window.begun + seconds)
    window.end()
    return await _settle(server, ledger, connections, window)


async def gather_room(
    server: Server, ledger: Ledger, room: str, members: int, index: int = 0
) -> list[Connection]:
    """Register so many people, connect each once, make the room and have all join it."""
    connections = []
    for number in range(members):
        token = server.person(f"{room}-{number}")
        connection = await connect(ledger, index + number, server.ticket(token), server.origin)
        connections.append(connection)
        if number == 0:
            await connection.command("sync", rooms={})
            await connection.command("create_room", room=room, name=room, kind="public")
        connection.room = room
        await connection.command("sync", rooms={room: None})
        if number:
            await connection.command("join", room=room)
    return connections


async def drain(ledger: Ledger, connections: list[Connection]) -> None:
    """Stop posting; wait until all posts are answered and all connections have all; check it."""
    ledger.posting = False
    give_up = perf_counter() + DRAIN
    while any(each.in_flight for each in connections) and perf_counter() < give_up:
        await asyncio.sleep(0.02)
    heads = {room: ledger.head(room) for room in {each.room for each in connections}}
    while any(each.head < heads[each.room] for each in connections) and perf_counter() < give_up:
        await asyncio.sleep(0.02)
    for each in connections:
        if each.in_flight:
            ledger.fail(f"connection {each.index}: {each.in_flight} posts were never answered")
        if each.head != heads[each.room]:
            ledger.fail(f"connection {each.index} ends at {each.head} of {heads[each.room]}")
    ledger.check_acknowledged()


async def _load(server: Server, plan: Plan, seconds: float) -> LoadFigures:
    ledger = Ledger()
    connections: list[Connection] = []
    for number in range(plan.rooms):
        index = number * plan.members
        members = await gather_room(server, ledger, f"room-{number}", plan.members, index)
        for writer in members[: plan.writers]:
            writer.window = plan.window
        connections += members
    gc.collect()
    gc.freeze()
    gc.disable()  # A collection in the generator would be charged to the server.
    try:
        ledger.posting = True
        for connection in connections:
            if connection.window:
                connection.post(connection.window)
        await asyncio.sleep(WARM_UP)
        window = _Window(server)
        await asyncio.sleep(seconds)
        window.end()
        return await _settle(server, ledger, connections, window)
    finally:
        gc.enable()
        gc.unfreeze()


class _Window:
    """The measured time: its bounds, and what both processes used in it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._conflicts, _ = server.counters()
        self._all = busy_s(SERVER_CORES | GENERATOR_CORES)
        self._cpu, self._own = server.cpu_s(), process_time()
        self.begun = perf_counter()
        self.ended = self.server_cpu = self.generator_cpu = self.others = 0.0
        self.conflicts = self.behind = float("nan")

    def end(self) -> None:
        self.ended = perf_counter()
        lasted = self.ended - self.begun
        self.server_cpu = (self._server.cpu_s() - self._cpu) / lasted * 100
        self.generator_cpu = (process_time() - self._own) / lasted * 100
        everybody = (busy_s(SERVER_CORES | GENERATOR_CORES) - self._all) / lasted * 100
        self.others = max(0.0, everybody - self.server_cpu - self.generator_cpu)
        conflicts, self.behind = self._server.counters()
        self.conflicts = conflicts - self._conflicts


async def _settle(
    server: Server, ledger: Ledger, connections: list[Connection], window: _Window
) -> LoadFigures:
    await drain(ledger, connections)
    for connection in connections:
        connection.close()
    begun, ended = window.begun, window.ended
    lasted = ended - begun
    events = frames = 0
    late: list[float] = []
    for connection in connections:
        own = connection.index
        for now, batch in connection.arrivals:
            if begun <= now < ended:
                frames += 1
                events += batch.last - batch.first + 1
                late += [now - sent for sent, writer in batch.posts if writer != own]
    answers = [
        now - sent for each in connections for now, sent in each.acks if begun <= now < ended
    ]
    late.sort()
    waits = sorted(answers)
    deliveries = sum(len(batch.posts) for each in connections for _, batch in each.arrivals)
    return LoadFigures(
        accepted=len(waits) / lasted,
        deliveries=events / lasted,
        p50_ms=percentile(late, 0.5) * 1e3,
        p99_ms=percentile(late, 0.99) * 1e3,
        ack_p50_ms=percentile(waits, 0.5) * 1e3,
        ack_p99_ms=percentile(waits, 0.99) * 1e3,
        conflicts=sum(code == "room_busy" for code in ledger.refused.values()),
        server_conflicts=window.conflicts,
        behind=window.behind,
        events_per_frame=events / frames if frames else float("nan"),
        bytes_per_delivery=sum(each.octets for each in connections) / max(1, deliveries),
        server_cpu=window.server_cpu,
        generator_cpu=window.generator_cpu,
        others=window.others,
        failures=(*ledger.breaches(), *server.warnings),
    )
