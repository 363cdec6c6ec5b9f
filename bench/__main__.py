"""`python -m bench`: run the scenarios and print the table.

Exits with 0 even if an aim is missed, and with 1 if the service broke its contract (a gap, a
duplicate, a lost acknowledged message, a wrong page) or a run could not be finished.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson
import uvloop

from bench import capacity, growth, machine, report, scenarios
from bench.server import Server, data_folder

SERVED: dict[str, Callable[[Server, float], Awaitable[report.Figures]]] = {
    "1x50": scenarios.one_room,
    "100x4": scenarios.many_rooms,
    "quiet": scenarios.quiet,
    "paused": scenarios.paused,
    "writers": scenarios.many_writers,
    "idle": capacity.idle,
    "page": capacity.page,
}
NAMES = (*SERVED, "import")


def main() -> int:
    """Run the scenarios of the command line; return the exit status."""
    options = _options()
    machine.allow_files()
    if options.growth:
        machine.pin_generator()
        return growth.run(options.events, options.rooms)
    folder = data_folder()
    about = machine.measure(folder)
    folder.rmdir()
    machine.pin_generator()
    results: dict[str, list[report.Figures]] = {}
    broken: list[str] = []
    stolen, begun = machine.stolen_s(), time.monotonic()
    for name in options.only or NAMES:
        runs = results.setdefault(name, [])
        for turn in range(options.repeat):
            print(f"{name}, run {turn + 1} …", file=sys.stderr, flush=True)
            try:
                runs.append(_run(name, options.seconds))
            except Exception as fault:  # The figures of the other scenarios are still useful.
                traceback.print_exc()
                broken.append(f"{name}: the run ended with {fault!r}")
    stolen = (machine.stolen_s() - stolen) / (time.monotonic() - begun) * 100
    print(report.table(results), end="\n\n")
    for line in (*report.machine_lines(about), *report.notes(results)):
        print(f"- {line}")
    print(f"- stolen by the hypervisor: {stolen:.1f} % of a core")
    broken += report.failures(results)
    if options.json:
        content = report.as_json(about, results, broken)
        options.json.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
    for what in broken:
        print(f"BROKEN: {what}")
    return 1 if broken else 0


def _run(name: str, seconds: float) -> report.Figures:
    if name not in SERVED:
        return capacity.import_irc()
    scenario = SERVED[name]
    with Server() as server:
        served: report.Figures = uvloop.run(_await(scenario(server, seconds)))
    return served


async def _await(figures: Awaitable[report.Figures]) -> report.Figures:
    return await figures


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--seconds", type=float, default=5.0, help="measured window (5)")
    parser.add_argument("--repeat", type=int, default=3, help="runs, of which the median (3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all runs there")
    parser.add_argument("--growth", action="store_true", help="figures of much data instead")
    parser.add_argument("--events", type=int, default=growth.MESSAGES, help="its messages")
    parser.add_argument("--rooms", type=int, default=growth.ROOMS, help="its rooms and people")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
