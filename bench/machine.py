"""The machine: its cores, its disk, and its current speed."""

from __future__ import annotations

import os
import platform
import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORES = {CORES[-1]}
GENERATOR_CORES = {CORES[0]}
"""The same core if the machine has only one; the report says so."""

SYNCS = 300
SPEED_STEPS = 2_000_000


def percentile(ordered: Sequence[float], share: float) -> float:
    """Give the value below which `share` of the sorted values lie; nan of none."""
    if not ordered:
        return float("nan")
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass(frozen=True)
class Machine:
    """Properties of the machine that figures depend on. Times in ms; speed in million loop steps a
    second."""

    cpu: str
    cores: int
    python: str
    packages: str
    speed_server_core: float
    speed_generator_core: float
    sync_p50_ms: float
    sync_p99_ms: float


def measure(folder: Path) -> Machine:
    """Measure the cores and the disk under `folder`; takes about two seconds."""
    on_server = _speed(SERVER_CORES)
    on_generator = _speed(GENERATOR_CORES)
    syncs = _syncs(folder)
    packages = " ".join(f"{name} {version(name)}" for name in ("uvloop", "websockets", "orjson"))
    return Machine(
        cpu=_cpu_model(),
        cores=len(CORES),
        python=f"{platform.python_implementation()} {sys.version.split()[0]}",
        packages=packages,
        speed_server_core=on_server,
        speed_generator_core=on_generator,
        sync_p50_ms=percentile(syncs, 0.5) * 1e3,
        sync_p99_ms=percentile(syncs, 0.99) * 1e3,
    )


def stolen_s() -> float:
    """Give the seconds that the hypervisor took from us since boot, over all cores."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return int(fields[8]) / os.sysconf("SC_CLK_TCK")


def busy_s(cores: set[int]) -> float:
    """Give the seconds that these cores worked since boot, for whomever."""
    ticks = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name in {f"cpu{core}" for core in cores}:
            # user, nice, system, irq, softirq; neither idle nor waiting for the disk.
            ticks += sum(int(fields[place]) for place in (0, 1, 2, 5, 6))
    return ticks / os.sysconf("SC_CLK_TCK")


def pin_generator() -> None:
    """Keep this process on its core."""
    os.sched_setaffinity(0, GENERATOR_CORES)


def allow_files() -> int:
    """Raise the limit of open files as far as allowed, also for the server; give the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else 1 << 20


def _speed(cores: set[int]) -> float:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        best = min(_loop() for _ in range(3))
    finally:
        os.sched_setaffinity(0, before)
    return SPEED_STEPS / best / 1e6


def _loop() -> float:
    table: dict[int, int] = {}
    begun = perf_counter()
    for step in range(SPEED_STEPS):
        table[step & 255] = table.get(step & 127, 0) + step & 0xFFFF
    return perf_counter() - begun


def _syncs(folder: Path) -> list[float]:
    path = folder / "sync-probe"
    block = os.urandom(4096)
    times = []
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    try:
        for _ in range(SYNCS):
            os.write(handle, block)
            begun = perf_counter()
            os.fdatasync(handle)
            times.append(perf_counter() - begun)
    finally:
        os.close(handle)
        path.unlink()
    return sorted(times)


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()
