"""A server as a child process on the server's core, with its own folder."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from bench.peers.member import Member, Run
from bench.server import HOST, data_folder, pin_to_server_core

START_TIMEOUT = STOP_TIMEOUT = 20.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PR_SET_PDEATHSIG = 1


def free_port() -> int:
    """Returns a free port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class Peer:
    """A running server as a context manager. Its folder is deleted at the end.

    Attributes
    ----------
    name: as the table has it.
    promise: the durability that an acknowledgement guarantees, as a sentence.
    """

    name: str
    promise: str

    def __init__(self) -> None:
        self.folder = data_folder()
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    # What a server defines.

    def command(self) -> Sequence[str]:
        """Writes the configuration into the folder; returns the command."""
        raise NotImplementedError

    async def members(self, run: Run, rooms: int, members: int) -> list[list[Member]]:
        """Returns connected members of each room."""
        raise NotImplementedError

    def stored(self) -> int:
        """Returns how many messages the files of the stopped server hold."""
        raise NotImplementedError

    # The process.

    def __enter__(self) -> Peer:
        try:
            self._start()
        except BaseException:
            self._end(signal.SIGKILL)
            print(self._last_words(), file=sys.stderr)
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._end(signal.SIGTERM)
        if kind is not None and issubclass(kind, Exception):
            print(self._last_words(), file=sys.stderr)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> None:
        command = self.command()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_prepare,
            )
        give_up = time.monotonic() + START_TIMEOUT
        while True:
            try:
                socket.create_connection((HOST, self.port), 1.0).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > give_up:
                    raise RuntimeError(f"{self.name} does not start") from None
                time.sleep(0.05)

    def kill(self) -> None:
        """Ends the server like a crash."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(how)
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @property
    def _log(self) -> Path:
        return self.folder / "bench-server.log"

    def _last_words(self) -> str:
        return self._log.read_text(errors="replace")[-2000:] if self._log.exists() else ""

    def cpu_s(self) -> float:
        """Returns the seconds of processor time used so far."""
        assert self._process is not None
        stat = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(stat[11]) + int(stat[12])) / _TICKS


def _prepare() -> None:
    """Runs in the child: its core, and its end with the benchmark's own, however that ends."""
    pin_to_server_core()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
