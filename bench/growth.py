"""`python -m bench --growth`: figures that depend on the amount of data.

First, a folder with 1,000,000 messages in one room is created, rebuilt, started and read; then a
second server gets 10,000 people, each with a room of their own. All of it takes about ten minutes.
Figures depend on the machine's other work: processor times are printed next to wall-clock times.
"""

from __future__ import annotations

import asyncio
import random
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import orjson
import uvloop

from bench import folder as made
from bench.client import connect
from bench.ledger import Ledger
from bench.machine import percentile
from bench.server import ROOT, Server, data_folder, parley, pin_to_server_core

MESSAGES, ROOMS, OWN = 1_000_000, 10_000, 500
POSTS = 3
"""Messages in each of the many rooms."""
TOGETHER = 25
"""People who are connected at once."""
READS = 400
REBUILD_TIMEOUT = 3_600.0
SETTLE = 3.0


@dataclass(frozen=True)
class Line:
    """A figure; an aim is a bound for it."""

    label: str
    value: float
    unit: str
    aim: float | None = None
    at_most: bool = True


def run(messages: int = MESSAGES, rooms: int = ROOMS) -> int:
    """Measures everything and prints the table; returns the exit status."""
    many: list[Line] = uvloop.run(_many(rooms))
    found = [*_long(messages), *many]
    print("| figure | value | unit | aim | |\n|---|--:|---|---|---|")
    for line in found:
        print(_row(line))
    return 0


def _row(line: Line) -> str:
    aim = verdict = ""
    if line.aim is not None:
        aim = f"{'≤' if line.at_most else '≥'} {line.aim:,.0f}"
        kept = line.value <= line.aim if line.at_most else line.value >= line.aim
        verdict = "ok" if kept else "**missed**"
    digits = 0 if line.value >= 100 else 2
    return f"| {line.label} | {line.value:,.{digits}f} | {line.unit} | {aim} | {verdict} |"


# One long room


def _long(messages: int) -> list[Line]:
    path = data_folder()
    try:
        data = path / "data"
        begun = perf_counter()
        events = made.write(data, messages)
        print(f"{events:,} events written in {perf_counter() - begun:.0f} s", file=sys.stderr)
        title = f"{events:,} events in one room"
        wall, cpu = _rebuild(data)
        lines = [
            Line(f"rebuild, {title}", events / wall, "events/s", 30_000, at_most=False),
            Line("the same by processor time", events / cpu, "events/s"),
        ]
        with Server(path) as server:
            token = server.person("reader")
        begun = perf_counter()
        with Server(path) as server:
            answer = server.rest.call("GET", _page(None), token=token)
            started = perf_counter() - begun
            last = answer["messages"][-1]["version"]
            if last != messages + made.MEMBERS + 1:
                raise RuntimeError(f"the newest page ends at {last}")
            lines += [
                Line(f"start, {title}, to the first page served", started, "s"),
                Line("resident memory then", server.rss_kb() / 1024, "MB"),
                *_pages(server, token, messages),
            ]
        return lines
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _rebuild(data: Path) -> tuple[float, float]:
    """Returns the seconds of `parley rebuild` by the clock, and its processor time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = perf_counter()
    subprocess.run(
        [*parley(), "rebuild", "--data-dir", str(data)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        timeout=REBUILD_TIMEOUT,
        preexec_fn=pin_to_server_core,
        check=True,
    )
    wall = perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _page(before: int | None) -> str:
    path = f"/api/rooms/{made.ROOM}/messages?limit=50"
    return path if before is None else f"{path}&before={before}"


def _pages(server: Server, token: str, messages: int) -> Iterator[Line]:
    middle = messages // 2

    def places() -> str:
        return _page(middle + random.randrange(-middle // 2, middle // 2))

    for label, choose in (("newest page", lambda: _page(None)), ("page in the middle", places)):
        times = _times(server, token, choose)
        yield Line(f"{label} of {messages:,} messages, p50", times[0], "ms")
        yield Line(f"{label}, p99", times[1], "ms")


def _times(server: Server, token: str, choose: Callable[[], str]) -> tuple[float, float]:
    """Returns p50 and p99 of reads in ms; the first tenth is for warming up."""
    times = []
    for _ in range(READS):
        request = server.rest.request("GET", choose(), token=token)
        begun = perf_counter()
        status, payload = server.rest.exchange(request)
        times.append((perf_counter() - begun) * 1e3)
        if status != 200:
            raise RuntimeError(f"a read was answered with {status}: {payload[:200]!r}")
    ordered = sorted(times[READS // 10 :])
    return percentile(ordered, 0.5), percentile(ordered, 0.99)


# Many rooms and people


async def _many(rooms: int) -> list[Line]:
    with Server() as server:
        base = server.rss_kb()
        ledger = Ledger()
        for first in range(0, rooms, TOGETHER):
            numbers = range(first, min(rooms, first + TOGETHER))
            await asyncio.gather(*(_live(server, ledger, number) for number in numbers))
            if not first % 1_000:
                print(f"{first:,} people …", file=sys.stderr, flush=True)
        await asyncio.sleep(SETTLE)
        title = f"{rooms:,} rooms and {rooms:,} people active in turn"
        lines = [
            Line("resident memory at the start", base / 1024, "MB"),
            Line(f"resident memory after {title}", server.rss_kb() / 1024, "MB"),
        ]
        token = await _join(server, ledger, rooms)
        lines += _lists(server, token, rooms)
        if ledger.breaches():
            raise RuntimeError("; ".join(ledger.breaches()))
        return lines


async def _live(server: Server, ledger: Ledger, number: int) -> None:
    """A person connects, creates a room, posts and disconnects."""
    token = server.person(f"person-{number}")
    connection = await connect(ledger, number, server.ticket(token), server.origin)
    await connection.command("sync", rooms={})
    room = f"room-{number:05d}"
    await connection.command("create_room", room=room, name=f"Room {number}", kind="public")
    for each in range(POSTS):
        text = f"message {each} ".ljust(made.TEXT_SIZE, "x")
        await connection.command("post", room=room, text=text)
    connection.close()


async def _join(server: Server, ledger: Ledger, rooms: int) -> str:
    """Creates a person with OWN rooms; returns the token."""
    token = server.person("reader")
    connection = await connect(ledger, rooms, server.ticket(token), server.origin)
    await connection.command("sync", rooms={})
    for number in range(0, rooms, max(1, rooms // OWN)):
        await connection.command("join", room=f"room-{number:05d}")
    connection.close()
    await asyncio.sleep(SETTLE)
    return token


def _lists(server: Server, token: str, rooms: int) -> Iterator[Line]:
    own = len(range(0, rooms, max(1, rooms // OWN)))
    found, cursor, pages = 0, None, 0
    while pages == 0 or cursor is not None:
        path = "/api/rooms?limit=200" + (f"&cursor={cursor}" if cursor else "")
        answer = server.rest.call("GET", path, token=token)
        found, cursor, pages = found + len(answer["rooms"]), answer["cursor"], pages + 1
    if found != own:
        raise RuntimeError(f"{found} rooms are listed of {own}")
    p50, p99 = _times(server, token, lambda: "/api/rooms")
    size = len(orjson.dumps(server.rest.call("GET", "/api/rooms", token=token))) / 1024
    title = f"GET /api/rooms, {own} rooms of {rooms:,}, the first page"
    yield Line(f"{title}, p50", p50, "ms", 10)
    yield Line(f"{title}, p99", p99, "ms")
    yield Line("its size", size, "KB")
