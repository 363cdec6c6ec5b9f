"""The table of one run: each server's figures, and Parley's as a multiple of prosody's."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.peers.load import PLANS, Figures, share

Runs = dict[str, dict[str, list[Figures]]]
"""By scenario and server."""

Value = Callable[[list[Figures]], float]


@dataclass(frozen=True)
class Row:
    """A line: a figure of a scenario, and the aimed multiple of prosody's figure.

    Attributes
    ----------
    aim: None if there is no aim.
    """

    plan: str
    label: str
    value: Value
    aim: float | None = None
    at_most: bool = True
    digits: int = 2


def _rate(name: str) -> Value:
    return lambda runs: statistics.median(float(getattr(run, name)) for run in runs)


def _late(part: float) -> Value:
    return lambda runs: share(sorted(each for run in runs for each in run.late), part)


def _acked(part: float) -> Value:
    return lambda runs: share(sorted(each for run in runs for each in run.acks), part)


def _rows() -> Iterator[Row]:
    for plan in ("quiet", "paced"):
        yield Row(plan, "send to receipt p50, ms", _late(0.5), 1.0)
        yield Row(plan, "send to receipt p99, ms", _late(0.99), 1.5)
        yield Row(plan, "send to ack p50, ms", _acked(0.5))
    for plan, aim in (("1x50", 25.0), ("100x4", 9.0)):
        yield Row(plan, "messages/s", _rate("messages"), aim, at_most=False, digits=0)
        yield Row(plan, "deliveries/s", _rate("deliveries"), digits=0)
        yield Row(plan, "send to receipt p50, ms", _late(0.5))
        yield Row(plan, "send to receipt p99, ms", _late(0.99))


ROWS = tuple(_rows())


def table(runs: Runs) -> str:
    """Returns the Markdown table."""
    lines = [
        "| scenario | figure | prosody | Redis | Parley | Parley / prosody | aim | |",
        "|---|---|--:|--:|--:|--:|---|---|",
    ]
    shown = ""
    for row in ROWS:
        if found := runs.get(row.plan):
            lines.append(_line(row, found, PLANS[row.plan].title if row.plan != shown else ""))
            shown = row.plan
    return "\n".join(lines)


def _line(row: Row, found: dict[str, list[Figures]], title: str) -> str:
    values = {
        name: row.value(found[name]) if found.get(name) else math.nan
        for name in ("prosody", "Redis", "Parley")
    }
    ratio = values["Parley"] / values["prosody"] if values["prosody"] else math.nan
    aim = verdict = ""
    if row.aim is not None:
        aim = f"{'≤' if row.at_most else '≥'} {row.aim:g} x"
        kept = ratio <= row.aim if row.at_most else ratio >= row.aim
        verdict = "" if math.isnan(ratio) else "ok" if kept else "**missed**"
    cells = " | ".join(_number(value, row.digits) for value in values.values())
    return f"| {title} | {row.label} | {cells} | {_number(ratio, 2)} | {aim} | {verdict} |"


def notes(runs: Runs) -> Iterator[str]:
    """Returns a line per scenario: the load of servers and clients, and their cost of each message
    and delivery."""
    for plan, found in runs.items():
        yield f"{plan}: " + "; ".join(_busy(name, its) for name, its in found.items())


def _busy(name: str, runs: list[Figures]) -> str:
    server = _median(runs, "server")
    each = server / max(1.0, _median(runs, "messages")) * 1e6
    return (
        f"{name}: server {server:.0%} of its core ({each:,.0f} µs a message), clients"
        f" {_median(runs, 'generator'):.0%} of theirs ({_median(runs, 'client_us'):.1f} µs a"
        f" delivery), {_median(runs, 'octets'):.0f} bytes a delivery, others"
        f" {_median(runs, 'others'):.0%}" + _warning(runs)
    )


def _warning(runs: list[Figures]) -> str:
    return ", THE CLIENTS MAY BE THE LIMIT" if _median(runs, "generator") > 0.9 else ""


def _median(runs: list[Figures], name: str) -> float:
    return statistics.median(float(getattr(run, name)) for run in runs)


def _number(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:,.{digits}f}"
