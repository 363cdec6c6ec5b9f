"""Measures the time between two turns of the event loop; for tests.

`PARLEY_LOOP_PROBE=FILE parley serve` appends one JSON line a second to FILE. A timer on the loop
runs every 5 ms; its delay is the time for which anything blocked the loop: a frame, a push, a
commit's callback, or a thread that keeps the interpreter lock. asyncio's debug mode would miss
callbacks that uvloop calls directly from a readable socket, where frames are handled.
"""

import asyncio
import os
import re
import sys
import threading
import time
from pathlib import Path
from typing import Any

import orjson

VARIABLE = "PARLEY_LOOP_PROBE"
BEAT = 0.005
"""Seconds between two runs of the timer."""

LATE = 0.1
"""Seconds after which the loop's stack is sampled, and between further samples."""

LOOK = 0.025
REPORT = 1.0
"""Seconds between lines of the file."""

DEPTH = 14
"""Number of innermost calls in a sample."""


class LoopProbe:
    """Records the longest wait of each second, and where the loop was at that time.

    A line holds `at` (monotonic seconds), `longest_ms` (by the clock), `cpu_ms` (processor time of
    the loop's thread in it: much less than `longest_ms` means that it waited for a lock, the disk
    or a processor), `busy_ms` (time in it when any process on the machine waited for a processor:
    pressure stall information, 0 if the kernel has none) and `stack` (files, lines and functions;
    never values).
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, path: Path) -> None:
        self._loop = loop
        self._path = path
        self._thread = threading.get_ident()
        self._last = time.monotonic()
        self._cpu = time.thread_time()
        self._pressure = _Pressure()
        self._busy = self._pressure.total_ms()
        self._longest: dict[str, Any] = _nothing()
        self._sample: list[str] = []
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="parley-probe", daemon=True)

    @classmethod
    def of_environment(cls, loop: asyncio.AbstractEventLoop) -> "LoopProbe | None":
        """Starts a probe if the environment requests one."""
        path = os.environ.get(VARIABLE)
        if not path:
            return None
        probe = cls(loop, Path(path))
        probe.start()
        return probe

    def start(self) -> None:
        self._loop.call_later(BEAT, self._beat)
        self._watcher.start()

    def close(self) -> None:
        self._stopping.set()
        self._watcher.join()
        self._pressure.close()

    def _beat(self) -> None:
        now, cpu, busy = time.monotonic(), time.thread_time(), self._pressure.total_ms()
        waited = (now - self._last - BEAT) * 1e3
        if waited > self._longest["longest_ms"]:
            self._longest = {
                "longest_ms": round(waited, 1),
                "cpu_ms": round((cpu - self._cpu) * 1e3, 1),
                "busy_ms": round(busy - self._busy, 1),
                "stack": self._sample,
            }
        self._sample = []
        self._last, self._cpu, self._busy = now, cpu, busy
        if not self._stopping.is_set():
            self._loop.call_later(BEAT, self._beat)

    def _watch(self) -> None:
        reported = time.monotonic()
        with self._path.open("ab") as file:
            while not self._stopping.wait(LOOK):
                now = time.monotonic()
                # The first sample counts: a later one may be taken when the work is just over.
                if now - self._last > LATE and not self._sample:
                    self._sample = self._where()
                if now - reported >= REPORT:
                    longest, self._longest = self._longest, _nothing()
                    file.write(orjson.dumps({"at": now, **longest}) + b"\n")
                    file.flush()
                    reported = now

    def _where(self) -> list[str]:
        calls: list[str] = []
        frame = sys._current_frames().get(self._thread)
        while frame is not None and len(calls) < DEPTH:
            code = frame.f_code
            calls.append(f"{code.co_filename}:{frame.f_lineno} {code.co_name}")
            frame = frame.f_back
        return calls


def _nothing() -> dict[str, Any]:
    return {"longest_ms": 0.0, "cpu_ms": 0.0, "busy_ms": 0.0, "stack": []}


class _Pressure:
    """Total time for which any process has waited for a processor, since the machine started."""

    def __init__(self) -> None:
        try:
            self._file: int | None = os.open("/proc/pressure/cpu", os.O_RDONLY)
        except OSError:
            self._file = None

    def total_ms(self) -> float:
        if self._file is None:
            return 0.0
        found = re.match(rb"some .*total=(\d+)", os.pread(self._file, 200, 0))
        return int(found[1]) / 1e3 if found else 0.0

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
