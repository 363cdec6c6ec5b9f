"""The probe of the event loop says how long it was held, by what, and whose fault it is."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from local.probe import LoopProbe


def lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


async def held(seconds: float, work: Any, path: Path) -> dict[str, Any]:
    """Runs `work` on a loop that is probed; returns the probe's line of the longest wait."""
    probe = LoopProbe(asyncio.get_running_loop(), path)
    probe.start()
    await asyncio.sleep(0.05)
    work(seconds)
    await asyncio.sleep(0.05)
    done = time.monotonic()
    # Lines come once a second: the first that is written after now has all that came before.
    while not any(line["at"] > done for line in lines(path)):
        await asyncio.sleep(0.02)
    probe.close()
    found: dict[str, Any] = max(lines(path), key=lambda line: line["longest_ms"])
    return found


def compute(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_processor_time_counts(tmp_path: Path) -> None:
    # Long enough that the thread which looks has its turn on a busy machine too.
    line = asyncio.run(held(0.5, compute, tmp_path / "probe"))
    assert line["longest_ms"] > 490
    assert line["cpu_ms"] > 490
    assert any("compute" in call for call in line["stack"])


def test_waiting_counts_apart(tmp_path: Path) -> None:
    line = asyncio.run(held(0.2, time.sleep, tmp_path / "probe"))
    assert line["longest_ms"] > 190
    assert line["cpu_ms"] < 150


def test_a_free_loop_is_not_held(tmp_path: Path) -> None:
    line = asyncio.run(held(0, lambda _: None, tmp_path / "probe"))
    assert line["cpu_ms"] < 100
