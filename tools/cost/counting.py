"""Counts the calls of messages and other actions, and stores them in counted.json."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.cost.metering import Meter
from tools.cost.room import Talk
from tools.cost.stack import Stack, counted

KEPT = Path(__file__).with_name("counted.json")
SIZES = (2, 10, 50, 100, 1_000)
WARM, ALONE, BACKLOG = 6, 5, 10


@dataclass(frozen=True, slots=True)
class Row:
    """Calls of one kind, per action."""

    function: str
    operation: str
    target: str
    times: float
    units: dict[str, float]


@dataclass(frozen=True, slots=True)
class Tally:
    """The calls of one action."""

    rows: tuple[Row, ...]

    @classmethod
    def of(cls, meter: Meter, doings: int) -> "Tally":
        rows: dict[tuple[str, str, str], tuple[float, dict[str, float]]] = {}
        for call in meter.calls:
            key = call.function, call.operation, call.target
            times, units = rows.setdefault(key, (0.0, {}))
            for name, amount in call.units.items():
                units[name] = units.get(name, 0.0) + amount
            rows[key] = times + 1, units
        return cls(
            tuple(
                Row(*key, times / doings, {n: units[n] / doings for n in sorted(units)})
                for key, (times, units) in sorted(rows.items())
            )
        )

    @classmethod
    def read(cls, kept: list[Any]) -> "Tally":
        return cls(tuple(Row(*row) for row in kept))

    def kept(self) -> list[Any]:
        return [[r.function, r.operation, r.target, r.times, r.units] for r in self.rows]

    def units(self, function: str | None = None) -> dict[str, float]:
        found: dict[str, float] = {}
        for row in self.rows:
            if function in (None, row.function):
                for name, amount in row.units.items():
                    found[name] = found.get(name, 0.0) + amount
        return found

    def times(self, function: str) -> dict[str, float]:
        """Returns how often a function calls each operation; `Invoke` counts its own
        invocations."""
        found: dict[str, float] = {}
        for row in self.rows:
            if row.function == function:
                found[row.operation] = found.get(row.operation, 0.0) + row.times
        return found

    def functions(self) -> list[str]:
        return sorted({row.function for row in self.rows if row.operation == "Invoke"})


def messages(stack: Stack, meter: Meter, members: int) -> dict[str, Tally]:
    """Counts a message in a room of `members`: alone with fast publish on (`alone`) and off
    (`relayed`), as one of a backlog that is delivered at once (`backlog`), and alone with the push
    as its acknowledgement (`quiet`)."""
    talk = Talk(stack, members)

    def alone(fast: bool, *, quiet: bool = False) -> Tally:
        talk.alone(WARM, fast, quiet=quiet)
        meter.clear()
        talk.alone(ALONE, fast, quiet=quiet)
        return Tally.of(meter, ALONE)

    found = {"relayed": alone(fast=False), "alone": alone(fast=True)}
    meter.clear()
    talk.backlog(BACKLOG, fast=True)
    found["backlog"] = Tally.of(meter, BACKLOG)
    found["quiet"] = alone(fast=True, quiet=True)
    return found


def others(stack: Stack, meter: Meter, members: int) -> dict[str, Tally]:
    """Counts actions other than messages: a ping, a typing push, a read mark, a connection."""
    talk = Talk(stack, members)
    talk.alone(WARM, fast=True)
    doings: dict[str, Callable[[], None]] = {
        "ping": lambda: talk.send("ping"),
        "typing": lambda: talk.send("typing"),
        "read": talk.read,
        "connection": talk.come_and_go,
    }
    found = {}
    for name, do in doings.items():
        do()
        meter.clear()
        do()
        found[name] = Tally.of(meter, 1)
    return found


def count() -> None:
    """Counts everything again and writes counted.json."""
    kept: dict[str, Any] = {}
    for members in SIZES:
        with counted() as (stack, meter):
            found = messages(stack, meter, members)
        kept[str(members)] = {case: tally.kept() for case, tally in found.items()}
    for members in (10, 50):
        with counted() as (stack, meter):
            found = others(stack, meter, members)
        kept[f"others {members}"] = {name: tally.kept() for name, tally in found.items()}
    lines = [
        f' "{size}": {{\n'
        + ",\n".join(
            f'  "{case}": [\n' + ",\n".join(f"   {json.dumps(row)}" for row in rows) + "\n  ]"
            for case, rows in cases.items()
        )
        + "\n }"
        for size, cases in kept.items()
    ]
    KEPT.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def kept() -> dict[str, dict[str, Tally]]:
    """Returns the last counts, by the room's size and case."""
    found = json.loads(KEPT.read_text())
    return {
        size: {case: Tally.read(rows) for case, rows in cases.items()}
        for size, cases in found.items()
    }
