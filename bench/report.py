"""The table: what is shown of each scenario, and what is aimed for."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench.capacity import IdleFigures, ImportFigures, PageFigures
from bench.machine import GENERATOR_CORES, SERVER_CORES, Machine
from bench.scenarios import LoadFigures

Figures = LoadFigures | IdleFigures | PageFigures | ImportFigures


@dataclass(frozen=True)
class Row:
    """A line of the table: a field of a scenario's figures; an aim is a bound it should keep."""

    scenario: str
    field: str
    label: str
    aim: float | None = None
    at_most: bool = True
    digits: int = 0


ROWS = (
    Row("1x50", "accepted", "accepted messages/s", 2500, at_most=False),
    Row("1x50", "deliveries", "deliveries/s", 125_000, at_most=False),
    Row("1x50", "p50_ms", "send to receipt p50, ms", digits=2),
    Row("1x50", "p99_ms", "send to receipt p99, ms", digits=2),
    Row("1x50", "ack_p50_ms", "send to ack p50, ms", digits=2),
    Row("1x50", "ack_p99_ms", "send to ack p99, ms", digits=2),
    Row("100x4", "accepted", "accepted messages/s", 4000, at_most=False),
    Row("100x4", "deliveries", "deliveries/s"),
    Row("100x4", "p50_ms", "send to receipt p50, ms", digits=2),
    Row("100x4", "p99_ms", "send to receipt p99, ms", digits=2),
    Row("100x4", "ack_p50_ms", "send to ack p50, ms", digits=2),
    Row("100x4", "ack_p99_ms", "send to ack p99, ms", digits=2),
    Row("quiet", "p50_ms", "send to receipt p50, ms", 1.0, digits=2),
    Row("quiet", "p99_ms", "send to receipt p99, ms", 3.0, digits=2),
    Row("quiet", "ack_p50_ms", "send to ack p50, ms", digits=2),
    Row("paused", "p50_ms", "send to receipt p50, ms", 1.0, digits=2),
    Row("paused", "p99_ms", "send to receipt p99, ms", 3.0, digits=2),
    Row("writers", "accepted", "accepted messages/s"),
    Row("writers", "conflicts", "refused as room_busy"),
    Row("writers", "server_conflicts", "conflicts by /healthz"),
    Row("writers", "p99_ms", "send to receipt p99, ms", digits=2),
    Row("idle", "kb_each_of_1000", "KB per connection of 1,000", 25, digits=1),
    Row("idle", "kb_each_of_5000", "KB per connection of 5,000", 25, digits=1),
    Row("idle", "base_mb", "MB before them", digits=1),
    Row("page", "newest_p50_ms", "newest page p50, ms", 2.0, digits=2),
    Row("page", "newest_p99_ms", "newest page p99, ms", digits=2),
    Row("page", "random_p50_ms", "page anywhere p50, ms", 2.0, digits=2),
    Row("page", "random_p99_ms", "page anywhere p99, ms", digits=2),
    Row("import", "wall", "lines/s, the whole command", 2000, at_most=False),
)

TITLES = {
    "1x50": "1 room x 50 members, 5 writers, window 16",
    "100x4": "100 rooms x 4 members, 1 writer each, window 4",
    "quiet": "2 quiet members, one message after the other",
    "paused": "2 quiet members, 2 ms of silence before each message",
    "writers": "20 writers in one room, window 4",
    "idle": "idle connections in one room",
    "page": "page of 50 in a room of 20,000",
    "import": "import of IRC logs, no server",
}


def median(runs: Sequence[Figures], field: str) -> float:
    """Give the median of a field over the repetitions."""
    return statistics.median(float(getattr(run, field)) for run in runs)


def table(results: dict[str, list[Figures]]) -> str:
    """Give the Markdown table: the median of each figure, the extremes, and its aim."""
    lines = ["| scenario | figure | median | runs | aim | |", "|---|---|--:|--:|--:|---|"]
    shown = ""
    for row in ROWS:
        if runs := results.get(row.scenario):
            lines.append(_line(row, runs, TITLES[row.scenario] if row.scenario != shown else ""))
            shown = row.scenario
    return "\n".join(lines)


def notes(results: dict[str, list[Figures]]) -> Iterator[str]:
    """Give a line a load scenario: who was busy, and how well pushes were joined."""
    for name, runs in results.items():
        if runs and hasattr(runs[0], "server_cpu"):
            own, server = median(runs, "generator_cpu"), median(runs, "server_cpu")
            each = server / 100 / max(1.0, median(runs, "accepted")) * 1e6
            yield (
                f"{name}: server {server:.0f} % of its core ({each:.0f} µs a message), generator"
                f" {own:.0f} %, {median(runs, 'events_per_frame'):.1f} events a frame,"
                f" {median(runs, 'bytes_per_delivery'):.0f} bytes a delivery, views"
                f" {median(runs, 'behind'):.0f} events behind at the end, other processes"
                f" {median(runs, 'others'):.0f} %"
                + ("; THE GENERATOR MAY BE THE LIMIT" if own > max(90, server) else "")
            )
        if runs and getattr(runs[0], "synthetic", False):
            yield f"{name}: a made-up log, as shared/data/ubuntu-irc is missing"


def machine_lines(machine: Machine) -> Iterator[str]:
    """Give what the figures must be read beside."""
    yield f"{machine.cpu}, {machine.cores} cores; {machine.python}; {machine.packages}"
    yield (
        f"speed {machine.speed_server_core:.1f} (server's core {_cores(SERVER_CORES)}) and"
        f" {machine.speed_generator_core:.1f} (generator's core {_cores(GENERATOR_CORES)})"
        " million steps of a plain loop a second"
    )
    yield (f"fdatasync of 4 KB: p50 {machine.sync_p50_ms:.2f} ms, p99 {machine.sync_p99_ms:.2f} ms")
    if SERVER_CORES == GENERATOR_CORES:
        yield "ONE CORE ONLY: server and generator share it, so rates are about half"


def failures(results: dict[str, list[Figures]]) -> list[str]:
    """Give every breach of the contract that a run saw."""
    found = ((name, run) for name, runs in results.items() for run in runs)
    return [f"{name}: {what}" for name, run in found for what in run.failures]


def as_json(
    machine: Machine, results: dict[str, list[Figures]], broken: Sequence[str]
) -> dict[str, Any]:
    """Give all runs as plain data."""
    return {
        "machine": dataclasses.asdict(machine),
        "runs": {name: [dataclasses.asdict(run) for run in runs] for name, runs in results.items()},
        "failures": broken,
    }


def _line(row: Row, runs: Sequence[Figures], title: str) -> str:
    values = sorted(float(getattr(run, row.field)) for run in runs)
    middle = statistics.median(values)
    aim = verdict = ""
    if row.aim is not None:
        sign = "≤" if row.at_most else "≥"
        aim = f"{sign} {_number(row.aim, row.digits)}"
        kept = middle <= row.aim if row.at_most else middle >= row.aim
        verdict = "" if math.isnan(middle) else "ok" if kept else "**missed**"
    spread = f"{_number(values[0], row.digits)} to {_number(values[-1], row.digits)}"
    shown = _number(middle, row.digits)
    return f"| {title} | {row.label} | {shown} | {spread} | {aim} | {verdict} |"


def _number(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:,.{digits}f}"


def _cores(cores: set[int]) -> str:
    return ",".join(map(str, sorted(cores)))
