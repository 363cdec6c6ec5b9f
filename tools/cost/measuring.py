"""`--measure`: measures the processor time of the handlers on this machine, stored in
measured.json.

The functions call MiniStack and a process that receives frames, both on this machine; only the
processor time of this process is stored, including boto3 and HTTP, without TLS.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from tools.cost.room import Talk
from tools.cost.stack import Stack
from tools.stack.emulator import Emulator, free_port, without_aws

KEPT = Path(__file__).with_name("measured.json")
SIZES = (2, 10, 50, 100, 1_000)
BACKLOG = 10
WARM, ROUNDS = 12, 40

TAKER = """
import socketserver, sys
class Taker(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    def handle(self):
        while True:
            length, line = 0, self.rfile.readline()
            if not line:
                return
            while (line := self.rfile.readline().strip()):
                if line.lower().startswith(b"content-length:"):
                    length = int(line[15:])
            self.rfile.read(length)
            self.wfile.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads, request_queue_size = True, True, 128
Server(("127.0.0.1", int(sys.argv[1])), Taker).serve_forever()
"""


class Clock:
    """Records the processor time of each invocation."""

    def __init__(self) -> None:
        self.spent: dict[str, list[float]] = {}

    def around(self, function: str, call: Callable[[], Any]) -> Any:
        began = time.process_time()
        answer = call()
        self.spent.setdefault(function, []).append((time.process_time() - began) * 1000)
        return answer

    def medians(self) -> dict[str, float]:
        return {name: round(statistics.median(taken), 2) for name, taken in self.spent.items()}


def measure() -> None:
    """Measures and writes measured.json; takes some minutes."""
    found: dict[str, Any] = {"machine": _machine(), "cpu_ms": {}}
    with tempfile.TemporaryDirectory() as folder:
        for members in SIZES:
            found["cpu_ms"][str(members)] = _measured(Path(folder), members)
            print(members, found["cpu_ms"][str(members)], flush=True)
    KEPT.write_text(json.dumps(found, indent=2) + "\n")


def _measured(folder: Path, members: int) -> dict[str, dict[str, float]]:
    port = free_port()
    taker = subprocess.Popen([sys.executable, "-c", TAKER, str(port)])
    try:
        with Emulator(folder / str(members)) as emulator:
            environment = {**without_aws(os.environ), **emulator.environment()}
            with mock.patch.dict(os.environ, environment, clear=True):
                return _timed(members, f"http://127.0.0.1:{port}/prod")
    finally:
        taker.kill()
        taker.wait()


def _timed(members: int, endpoint: str) -> dict[str, dict[str, float]]:
    clock = Clock()
    talk = Talk(Stack(endpoint=endpoint, around=clock.around), members)
    talk.alone(WARM, fast=False)
    found = {}
    clock.spent.clear()
    talk.alone(ROUNDS, fast=False)
    found["relayed"] = {"socket_message": clock.medians()["socket_message"]}
    talk.alone(WARM, fast=True)
    clock.spent.clear()
    talk.alone(ROUNDS, fast=True)
    found["alone"] = clock.medians()
    clock.spent.clear()
    for _ in range(6):
        talk.backlog(BACKLOG, fast=True)
    found["backlog"] = clock.medians()
    return found


def _machine() -> dict[str, Any]:
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    began = time.perf_counter()
    for _ in range(2_000_000):
        pass
    took = time.perf_counter() - began
    return {
        "processor": model,
        "python": platform.python_version(),
        "day": time.strftime("%Y-%m-%d"),
        "million_loop_steps_a_second": round(2 / took, 1),
    }


def measured() -> dict[str, Any]:
    """Returns the last measurement."""
    found: dict[str, Any] = json.loads(KEPT.read_text())
    return found
