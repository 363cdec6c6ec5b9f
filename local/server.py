"""Serves the engine: HTTP and WebSockets on one port, the command line on a Unix socket."""

import asyncio
import contextlib
import gc
import resource
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import uvicorn
import uvloop

from domain.protocol.limits import COMMANDS_A_MINUTE
from local.bootstrap import Engine
from local.control import ControlServer
from local.folder import DataFolder
from local.hosts import host_check
from local.probe import LoopProbe
from local.sockets import Socket
from local.stores import Stores
from local.web import Web, preload

IDLE_CHECK = 60.0
"""Seconds between checks for idle connections."""

SWITCH_INTERVAL = 0.0001
"""Seconds after which a busy thread yields to the loop's thread; the default of 5 ms is the whole
budget of a page."""

GC_THRESHOLDS = (20_000, 20, 50)


class ServeError(Exception):
    """The server cannot start; the message is one line for the user."""


@dataclass(frozen=True)
class Settings:
    """The options of `parley serve`.

    Attributes
    ----------
    rate: commands a minute per person; 0 for no limit.
    allowed_hosts: further names by which the server may be reached.
    """

    host: str
    port: int
    data_dir: Path
    files: Path
    rate: float = COMMANDS_A_MINUTE
    allowed_hosts: Sequence[str] = ()


def serve(settings: Settings) -> None:
    """Serves until it is stopped.

    Raises
    ------
    ServeError, FolderError: it cannot start.
    """
    folder = DataFolder(settings.data_dir)
    try:
        listener = _listen(settings.host, settings.port)
        with contextlib.closing(listener):
            sys.setswitchinterval(SWITCH_INTERVAL)
            _collect_less()
            _raise_file_limit()
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_run(settings, folder, listener))
    finally:
        folder.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise ServeError(f"cannot listen on {host}:{port}: {reason}") from error
    return listener


def _collect_less() -> None:
    """Excludes imported objects from garbage collection, and collects new garbage less often.

    Reference counts free events and frames; a collection each 700 allocations took a tenth of a
    message's time (docs/performance.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class _Server(uvicorn.Server):
    """Prints its address once it listens."""

    def __init__(self, config: uvicorn.Config, address: str) -> None:
        super().__init__(config)
        self._address = address

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Only ends serving on a signal: uvicorn would raise the signal again afterwards, before
        accepted commands are on disk and the files are closed."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(f"Parley is ready at {self._address}", flush=True)


async def _run(settings: Settings, folder: DataFolder, listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    await preload()
    engine = Engine(
        Stores(folder), loop, host_check(settings.host, settings.allowed_hosts), settings.rate
    )
    control = ControlServer(engine)
    await control.start()
    idle = loop.create_task(_close_idle(engine))
    probe = LoopProbe.of_environment(loop)
    try:
        server = _Server(_config(settings, engine), _address(settings.host, listener))
        await server.serve([listener])
    finally:
        idle.cancel()
        if probe is not None:
            probe.close()
        await control.close()
        await engine.close()


def _config(settings: Settings, engine: Engine) -> uvicorn.Config:
    web = Web(
        engine.call_api,
        settings.files,
        engine.gateway.allowed,
        engine.fresh,
        engine.status,
        engine.readiness.reasons,
    )

    def upgrade(config: Any, server_state: Any, app_state: Any, **_: Any) -> Socket:
        return Socket(engine.gateway, server_state.connections)

    return uvicorn.Config(
        cast(Any, web),
        http="httptools",
        ws=cast(Any, upgrade),
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
    )


def _address(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::", "::1") else host  # noqa: S104
    return f"http://{shown}:{port}"


async def _close_idle(engine: Engine) -> None:
    while True:
        await asyncio.sleep(IDLE_CHECK)
        engine.gateway.close_idle()
