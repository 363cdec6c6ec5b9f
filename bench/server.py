"""The server under test: a subprocess on its own core, with its data on the checkout's disk."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

from bench.machine import SERVER_CORES
from bench.rest import HttpError, Rest

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
START_TIMEOUT = STOP_TIMEOUT = 20.0
_TICKS = os.sysconf("SC_CLK_TCK")


def parley() -> list[str]:
    """Give the command line's first words; `PARLEY_BENCH_COMMAND` overrides them."""
    if command := os.environ.get("PARLEY_BENCH_COMMAND"):
        return command.split()
    installed = ROOT / ".venv" / "bin" / "parley"
    return [str(installed)] if installed.exists() else [sys.executable, "-m", "local"]


def pin_to_server_core() -> None:
    """Move the calling process to the server's core (runs in the child, before exec)."""
    os.sched_setaffinity(0, SERVER_CORES)


def data_folder() -> Path:
    """Creates an empty folder next to this file, which is on a disk, while /tmp may be in memory.

    `PARLEY_BENCH_FOLDER` names another place.
    """
    place = os.environ.get("PARLEY_BENCH_FOLDER", str(Path(__file__).parent))
    return Path(tempfile.mkdtemp(prefix=".run-", dir=place))


class Server:
    """A running server as a context manager; its folder is deleted with it unless one was given."""

    def __init__(self, folder: Path | None = None) -> None:
        self._own = folder is None
        self.folder = folder or data_folder()
        self._log = self.folder / "bench-server.log"
        self.warnings: list[str] = []
        self._process: subprocess.Popen[bytes]
        self.rest: Rest
        self.origin = ""

    def __enter__(self) -> Server:
        try:
            self._start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()
        if kind is not None:
            print(f"The server's last words:\n{self.last_words()}", file=sys.stderr)
        self._remove()

    def _start(self) -> None:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = probe.getsockname()[1]
        arguments = ["--host", HOST, "--port", str(port), "--data-dir", str(self.folder / "data")]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*parley(), "serve", *arguments, "--rate", "0"],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=pin_to_server_core,
            )
        self.rest, self.origin = Rest(HOST, port), f"http://{HOST}:{port}"
        give_up = time.monotonic() + START_TIMEOUT
        while True:
            try:
                self.health()
                return
            except (OSError, HttpError) as fault:
                self.rest.close()
                dead = self._process.poll() is not None
                if dead or time.monotonic() > give_up:
                    self.stop()
                    words = f"the server does not start ({fault}):\n{self.last_words()}"
                    raise RuntimeError(words) from fault
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop as an operator would, by SIGTERM; kill what does not go."""
        if hasattr(self, "rest"):
            self.rest.close()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.warnings.append(f"the server did not stop in {STOP_TIMEOUT:.0f} s")
                self._process.kill()
                self._process.wait()
        if self._process.returncode not in (0, -signal.SIGTERM, -signal.SIGKILL):
            self.warnings.append(f"the server ended with {self._process.returncode}")

    def last_words(self) -> str:
        """Give the end of what the server printed."""
        return self._log.read_text(errors="replace")[-3000:] if self._log.exists() else ""

    def _remove(self) -> None:
        if self._own:
            shutil.rmtree(self.folder, ignore_errors=True)

    # Looking at it.

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._process.pid

    def health(self) -> dict[str, Any]:
        """Give GET /healthz; an empty object where it is no JSON object."""
        status, payload = self.rest.exchange(self.rest.request("GET", "/healthz"))
        if status != 200:
            raise HttpError(f"/healthz: {status}")
        try:
            answer: object = orjson.loads(payload)
        except orjson.JSONDecodeError:
            answer = None
        return answer if isinstance(answer, dict) else {}

    def counters(self) -> tuple[float, float]:
        """Give (appends lost to others, events that the slowest view is behind) by /healthz.

        Each is nan if /healthz does not have it.
        """
        found = self.health()
        lags = found.get("lag")
        behind = max(lags.values(), default=0) if isinstance(lags, dict) else float("nan")
        return float(found.get("conflicts", "nan")), float(behind)

    def cpu_s(self) -> float:
        """Give the seconds of processor time used so far."""
        stat = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(stat[11]) + int(stat[12])) / _TICKS

    def rss_kb(self) -> int:
        """Give the resident memory, in KB of 1,024 bytes."""
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1])
        raise RuntimeError("smaps_rollup has no Rss")

    # People.

    def person(self, nickname: str) -> str:
        """Register a guest; give the token."""
        token: str = self.rest.call("POST", "/api/session", {"nickname": nickname})["token"]
        return token

    def ticket(self, token: str) -> str:
        """Give a WebSocket address, good once."""
        url: str = self.rest.call("POST", "/api/tickets", token=token)["url"]
        return url
