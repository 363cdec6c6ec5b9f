"""`python -m bench.peers`: the same load on prosody, Redis and Parley, and the ratios of the run.

The servers take turns in every round, each alone on its core with a fresh folder; figures are
medians over the rounds, percentiles are taken over the samples of all rounds. Exits with 1 if a
message was lost, arrived twice or out of order, or was not in the files after a kill; with 2 if the
servers cannot be installed. A missed aim does not change the status.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Awaitable

import uvloop

from bench import machine, report
from bench.peers import install, table
from bench.peers.load import PLANS, Figures, measure
from bench.peers.parley import Parley
from bench.peers.process import Peer
from bench.peers.prosody import Prosody
from bench.peers.redis import Redis
from bench.server import data_folder

PEERS: dict[str, type[Peer]] = {"prosody": Prosody, "Redis": Redis, "Parley": Parley}

INTERRUPTED, TERMINATED = 130, 143
"""Exit statuses of processes ended by SIGINT and by SIGTERM, as in shells."""


def main() -> int:
    """Runs the scenarios of the command line; returns the exit status."""
    options = _options()
    signal.signal(signal.SIGTERM, _stop)
    try:
        install.install()
    except install.NotInstalled as fault:
        print(fault, file=sys.stderr)
        return 2
    machine.allow_files()
    about = _machine()
    machine.pin_generator()
    runs: table.Runs = {}
    broken: list[str] = []
    stolen, begun = machine.stolen_s(), time.monotonic()
    for turn in range(options.rounds):
        for plan in options.only or PLANS:
            for name in PEERS if not options.peers else options.peers:
                print(f"round {turn + 1}, {plan}: {name} …", file=sys.stderr, flush=True)
                try:
                    found = _run(PEERS[name], plan, options.seconds)
                except Exception as fault:  # The figures of the other runs are still useful.
                    traceback.print_exc()
                    broken.append(f"{name}, {plan}: the run ended with {fault!r}")
                    continue
                runs.setdefault(plan, {}).setdefault(name, []).append(found)
                broken += [f"{plan}: {what}" for what in found.failures]
    stolen = (machine.stolen_s() - stolen) / (time.monotonic() - begun) * 100
    print(table.table(runs), end="\n\n")
    for line in (install.versions(), *report.machine_lines(about), *table.notes(runs)):
        print(f"- {line}")
    for peer in PEERS.values():
        print(f"- {peer.name}: {peer.promise}")
    print(f"- stolen by the hypervisor: {stolen:.1f} % of a core")
    for what in broken:
        print(f"BROKEN: {what}")
    return 1 if broken else 0


def _machine() -> machine.Machine:
    folder = data_folder()
    try:
        return machine.measure(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(kind: type[Peer], plan: str, seconds: float) -> Figures:
    with kind() as peer:
        try:
            found: Figures = uvloop.run(_stoppable(measure(peer, PLANS[plan], seconds)))
            return found
        finally:
            signal.signal(signal.SIGTERM, _stop)  # The loop has put the default in its place.


async def _stoppable(figures: Awaitable[Figures]) -> Figures:
    """An exception of a signal's handler would be lost in the loop's callbacks."""
    task = asyncio.ensure_future(figures)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


def _stop(*_: object) -> None:
    sys.exit(TERMINATED)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=tuple(PLANS), help="scenarios")
    parser.add_argument("--peers", nargs="+", choices=tuple(PEERS), help="servers")
    parser.add_argument("--seconds", type=float, default=5.0, help="measured window (5)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each server (3)")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except asyncio.CancelledError:
        sys.exit(TERMINATED)
