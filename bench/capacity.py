"""The capacity of the service: idle connections, pages of a long room, imported lines."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import orjson

from bench.client import connect
from bench.ledger import Ledger
from bench.machine import allow_files, percentile
from bench.scenarios import drain, gather_room
from bench.server import ROOT, Server, data_folder, parley, pin_to_server_core

IDLE_STEPS = (1000, 5000)
IDLE_PERSONS = 100
"""Idle connections belong to this many people in turn, like tabs; with one person each, there would
be millions of presence frames."""
SETTLE = 2.0

PAGE_MESSAGES = 20_000
PAGE_READS = 1000
PAGE_LIMIT = 50

IRC_LOGS = ROOT.parent / "shared" / "data" / "ubuntu-irc"
SYNTHETIC_FILES, SYNTHETIC_LINES = 10, 1250
WORDS = ("apt", "kernel", "sudo", "boot", "driver", "thanks", "how", "what", "install", "a", "it")
IMPORT_TIMEOUT = 300.0


@dataclass(frozen=True)
class IdleFigures:
    """KB of 1,024 bytes of the server's resident memory; nan where files are limited."""

    base_mb: float
    kb_each_of_1000: float
    kb_each_of_5000: float
    failures: tuple[str, ...]


@dataclass(frozen=True)
class PageFigures:
    """Times in ms of GET messages?limit=50: the newest page, and pages at random places."""

    newest_p50_ms: float
    newest_p99_ms: float
    random_p50_ms: float
    random_p99_ms: float
    failures: tuple[str, ...]


@dataclass(frozen=True)
class ImportFigures:
    """Lines a second of the whole command by the wall clock."""

    lines: int
    wall: float
    synthetic: bool
    failures: tuple[str, ...]


async def idle(server: Server, seconds: float) -> IdleFigures:
    """Open connections that sync one public room of 3 members and say nothing."""
    del seconds
    ledger = Ledger()
    connections = await gather_room(server, ledger, "idle", 3)
    tokens = [server.person(f"idle-guest-{number}") for number in range(IDLE_PERSONS)]

    async def add(number: int) -> None:
        token = tokens[number % IDLE_PERSONS]
        connection = await connect(ledger, number, server.ticket(token), server.origin)
        connection.room = "idle"
        connections.append(connection)
        await connection.command("sync", rooms={"idle": None})

    for number in range(20):  # Memory that the first connections load does not count as theirs.
        await add(10_000 + number)
    await asyncio.sleep(SETTLE)
    base = server.rss_kb()
    each = {}
    count = 0
    for step in IDLE_STEPS:
        each[step] = float("nan")
        if allow_files() < step + 200:
            continue
        while count < step:
            await asyncio.gather(*(add(count + number) for number in range(50)))
            count += 50
        await asyncio.sleep(SETTLE)
        each[step] = (server.rss_kb() - base) / count
    for connection in connections:
        connection.close()
    return IdleFigures(
        base_mb=base / 1024,
        kb_each_of_1000=each[1000],
        kb_each_of_5000=each[5000],
        failures=(*ledger.breaches(), *server.warnings),
    )


async def page(server: Server, seconds: float) -> PageFigures:
    """Pages of 50 of a room of 20,000 messages, one after the other on one HTTP connection."""
    del seconds
    ledger = Ledger()
    members = await gather_room(server, ledger, "long", 4)
    ledger.posting = True
    for writer in members:
        writer.window, writer.quota = 32, PAGE_MESSAGES // len(members)
        writer.post(writer.window)
    while any(writer.quota or writer.in_flight for writer in members):
        members[0].progress.clear()
        await asyncio.wait_for(members[0].progress.wait(), 30.0)
    await drain(ledger, members)
    head = ledger.head("long")
    token = server.person("long-reader")
    path = f"/api/rooms/long/messages?limit={PAGE_LIMIT}"
    newest = _read_pages(server, ledger, token, lambda: (path, head + 1))

    def anywhere() -> tuple[str, int]:
        before = random.randrange(PAGE_LIMIT * 2, head)
        return f"{path}&before={before}", before

    places = _read_pages(server, ledger, token, anywhere)
    for member in members:
        member.close()
    return PageFigures(
        newest_p50_ms=percentile(newest, 0.5) * 1e3,
        newest_p99_ms=percentile(newest, 0.99) * 1e3,
        random_p50_ms=percentile(places, 0.5) * 1e3,
        random_p99_ms=percentile(places, 0.99) * 1e3,
        failures=(*ledger.breaches(), *server.warnings),
    )


def _read_pages(
    server: Server, ledger: Ledger, token: str, choose: Callable[[], tuple[str, int]]
) -> list[float]:
    times = []
    for _ in range(PAGE_READS):
        path, before = choose()
        request = server.rest.request("GET", path, token=token)
        begun = perf_counter()
        status, payload = server.rest.exchange(request)
        times.append(perf_counter() - begun)
        answer: dict[str, Any] = orjson.loads(payload)
        found = [message["version"] for message in answer.get("messages", ())]
        if status != 200 or found != list(range(before - PAGE_LIMIT, before)):
            ledger.fail(f"GET {path}: {status}, versions {found[:2]} to {found[-2:]}")
    return sorted(times[PAGE_READS // 10 :])


def import_irc() -> ImportFigures:
    """Import the ten logs of shared/data/ubuntu-irc (or as many made-up lines) without a server."""
    folder = data_folder()
    try:
        logs = sorted(IRC_LOGS.glob("*.log.txt"))
        synthetic = not logs
        if synthetic:
            print(f"import: {IRC_LOGS} is missing, so a made-up log is taken")
            logs = _synthetic_logs(folder)
        lines = sum(len(log.read_bytes().splitlines()) for log in logs)
        command = [*parley(), "import", "irc", *map(str, logs), "--room", "ubuntu"]
        begun = perf_counter()
        done = subprocess.run(
            [*command, "--data-dir", str(folder / "data")],
            cwd=ROOT,
            env=dict(os.environ),
            capture_output=True,
            text=True,
            timeout=IMPORT_TIMEOUT,
            preexec_fn=pin_to_server_core,
            check=False,
        )
        lasted = perf_counter() - begun
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    failures = () if done.returncode == 0 else (f"import ended so: {done.stderr[-500:]}",)
    return ImportFigures(
        lines=lines,
        wall=float("nan") if failures else lines / lasted,
        synthetic=synthetic,
        failures=failures,
    )


def _synthetic_logs(folder: Path) -> list[Path]:
    source = random.Random(20041115)
    logs = []
    for number in range(SYNTHETIC_FILES):
        rows = []
        for row in range(SYNTHETIC_LINES):
            nick = f"person{source.randrange(400)}"
            if source.random() < 0.12:
                rows.append(f"=== {nick} [~{nick}@host.example] has joined #ubuntu")
            else:
                text = " ".join(source.choices(WORDS, k=source.randrange(2, 24)))
                rows.append(f"[{3 + row // 600:02}:{row // 10 % 60:02}] <{nick}> {text}")
        log = folder / f"2004-11-{15 + number}_03.log.txt"
        log.write_text("\n".join(rows) + "\n")
        logs.append(log)
    return logs
