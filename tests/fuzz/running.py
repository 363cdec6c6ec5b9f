"""One run: a server, two people who talk, and meanwhile everything that strangers can send."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from local.probe import VARIABLE
from tests.fuzz import world as worlds
from tests.server.harness import ROOT, WITH_US, Server, until

CALM = 15.0
"""Seconds of talk before the fuzzing: the base line."""

WARM = 0.25
"""Share of the fuzzing after which memory is measured first: caches and pools have filled."""

SETTLE = 6.0
"""Seconds without fuzzing before memory is measured: sockets time out, threads end their work."""


@dataclass
class Report:
    """What a run showed.

    Attributes
    ----------
    calm_p99_ms, fuzzed_p99_ms: of the talkers, from sending a post to its ack.
    ticks: seconds' longest waits of the loop during the fuzzing, as LoopProbe notes them, those
        that the server held longest first.
    rss_mb: resident memory after the warm-up and at the end, both settled.
    faults: wrong answers.
    logged: lines of the server's output that tell of a fault.
    problems: what went wrong for the talkers.
    """

    seed: int
    seconds: float
    calm_p99_ms: float = 0.0
    calm_worst_ms: float = 0.0
    fuzzed_p50_ms: float = 0.0
    fuzzed_p99_ms: float = 0.0
    fuzzed_worst_ms: float = 0.0
    posts: int = 0
    ticks: list[dict[str, Any]] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    load: list[float] = field(default_factory=list)
    stolen: float = 0.0

    def text(self) -> str:
        """Returns the report for a person."""
        lines = [
            f"seed {self.seed}, {self.seconds:.0f} s; {self.posts} posts of the talkers",
            f"talkers, send to ack: calm p99 {self.calm_p99_ms:.1f} ms "
            f"(worst {self.calm_worst_ms:.1f}); fuzzed p50 {self.fuzzed_p50_ms:.1f}, "
            f"p99 {self.fuzzed_p99_ms:.1f} (worst {self.fuzzed_worst_ms:.1f})",
            f"resident memory after warm-up and at the end: {self.rss_mb} MB",
            f"machine: {os.cpu_count()} cores, load {self.load[0]:.1f} before and "
            f"{self.load[-1]:.1f} after, {self.stolen:.1%} of the time stolen",
            "answers: " + ", ".join(f"{name} {count}" for name, count in self.answers.items()),
            "the loop's longest waits (ms that held it, by the clock, of processor, machine busy):",
        ]
        for tick in self.ticks[:12]:
            shown = (held_ms(tick), tick["longest_ms"], tick["cpu_ms"], tick["busy_ms"])
            lines.append("  " + " ".join(f"{value:8.1f}" for value in shown))
            lines += [f"      {call}" for call in tick["stack"][:8]]
        for name in ("faults", "logged", "problems"):
            found = getattr(self, name)
            lines += [f"{name}: {len(found)}", *(f"  {line}" for line in found[:12])]
        return "\n".join(lines)


def held_ms(tick: dict[str, Any]) -> float:
    """Returns how long the server itself held the loop: all of its processor time, and of what it
    waited the part in which nobody on the machine waited for a processor."""
    return float(max(tick["cpu_ms"], tick["longest_ms"] - tick["busy_ms"]))


class Child:
    """A process of this package: told on standard input, ended by closing that."""

    def __init__(self, module: str, given: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [*WITH_US, sys.executable, "-m", f"tests.fuzz.{module}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(given) + "\n")
        self._process.stdin.flush()

    def line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def end(self) -> Any:
        """Has it stop; returns what it found."""
        output, _ = self._process.communicate(timeout=60)
        assert self._process.returncode == 0, f"{self._process.args!r} ended badly"
        return json.loads(output.splitlines()[-1])

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


@contextmanager
def child(module: str, given: dict[str, Any]) -> Iterator[Child]:
    made = Child(module, given)
    try:
        yield made
    finally:
        made.kill()


def run(
    folder: Path, seconds: float, seed: int, calm: float = CALM, settle: float = SETTLE
) -> Report:
    """Fuzzes for so many seconds; everything else takes half a minute more."""
    report = Report(seed, seconds, load=[os.getloadavg()[0]])
    world = worlds.make(folder / "data")
    probe = folder / "probe.jsonl"
    os.environ[VARIABLE] = str(probe)
    try:
        server = Server(folder / "data", rate=300)
        server.start()
    finally:
        del os.environ[VARIABLE]
    try:
        until(lambda: not max(server.http("GET", "/healthz").json["lag"].values()), 120)
        stolen, began = psutil.cpu_times().steal, time.monotonic()
        _fuzz(server, world, report, probe, calm, settle)
        cores = os.cpu_count() or 1
        report.stolen = (psutil.cpu_times().steal - stolen) / (time.monotonic() - began) / cores
    finally:
        server.stop()
    report.logged = server.faults
    report.load.append(os.getloadavg()[0])
    return report


def _fuzz(
    server: Server,
    world: worlds.World,
    report: Report,
    probe: Path,
    calm: float,
    settle: float,
) -> None:
    clock = threading.Event()
    with child("talkers", {"origin": server.url, "tokens": world.talkers}) as talkers:
        assert talkers.line() == "ready\n", "the talkers did not begin"
        begun = time.monotonic()
        clock.wait(calm)
        spans: list[tuple[float, float]] = []
        for part in (WARM, 1 - WARM):
            given = {
                "origin": server.url,
                "folder": str(server.folder),
                "seed": report.seed + len(spans),
                "world": world.as_json(),
            }
            with child("attack", given) as attack:
                # On a busy machine it takes seconds until it begins.
                assert attack.line() == "ready\n", "the fuzzer did not begin"
                start = time.monotonic()
                clock.wait(report.seconds * part)
                said = attack.end()
            spans.append((start, time.monotonic()))
            report.faults += said["faults"]
            for name, count in said["answers"].items():
                report.answers[name] = report.answers.get(name, 0) + count
            clock.wait(settle)
            report.rss_mb.append(round(psutil.Process(server.pid).memory_info().rss / 2**20, 1))
        said = talkers.end()
    report.problems = said["problems"]
    _time(report, said["posts"], begun, spans)
    lines = [json.loads(line) for line in probe.read_text().splitlines()]
    assert lines[-1]["at"] > spans[-1][1], "the probe stopped"
    during = [line for line in lines if line["at"] > spans[0][0]]
    report.ticks = sorted(during, key=held_ms, reverse=True)


def _time(
    report: Report, posts: list[list[float]], begun: float, spans: list[tuple[float, float]]
) -> None:
    within: Callable[[float, float], list[float]] = lambda start, end: sorted(  # noqa: E731
        took for at, took in posts if start <= at < end
    )
    # The first second connects and loads.
    calm = within(begun + 1, spans[0][0])
    fuzzed = sorted(took for span in spans for took in within(*span))
    report.posts = len(posts)
    report.calm_p99_ms, report.calm_worst_ms = _rank(calm, 0.99), calm[-1]
    report.fuzzed_p50_ms, report.fuzzed_p99_ms = _rank(fuzzed, 0.5), _rank(fuzzed, 0.99)
    report.fuzzed_worst_ms = fuzzed[-1]


def _rank(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
