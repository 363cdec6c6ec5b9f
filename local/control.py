"""The command line's connection to a running server: DATA_DIR/parley.sock, one JSON line each way
and then lines of progress and output. Only its owner can access the socket."""

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson

from functions.observing import report
from local.bootstrap import Engine
from local.folder import socket_path
from local.operations import Operations
from operations.common import OperationError, Progress

READING = frozenset({"events", "views", "dead-letters-list"})
"""Operations that change nothing: they wait for no other operation, and may wait for their reader,
for example a pager."""

MAX_LINES = 1_000
"""Maximum of lines that wait for a reader that is slower than the operation."""

MAX_READERS = 8
"""Maximum of parallel reading operations."""

PATIENCE = 10.0
"""Seconds without reading after which the reader of an operation that writes counts as gone."""

LOOK = 0.5
"""Seconds between two checks whether the server stops."""


class ControlServer:
    """Runs operations for the command line, one after the other, each to its end even if the
    command line disconnects."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._operations = Operations(engine.stores, engine)
        self._path = socket_path(engine.stores.folder.path)
        self._server: asyncio.Server | None = None
        self._one = asyncio.Lock()
        self._closing = threading.Event()
        self._readers = ThreadPoolExecutor(MAX_READERS, thread_name_prefix="parley-read")

    async def start(self) -> None:
        self._path.unlink(missing_ok=True)
        with _short(self._path) as address:
            listener = socket.socket(socket.AF_UNIX)
            before = os.umask(0o177)
            try:
                listener.bind(address)
            finally:
                os.umask(before)
        self._server = await asyncio.start_unix_server(self._serve, sock=listener)

    async def close(self) -> None:
        self._closing.set()
        if self._server is not None:
            self._server.close()
        self._path.unlink(missing_ok=True)
        self._readers.shutdown(wait=False)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = orjson.loads(await reader.readline())
            if request["name"] in READING:
                await self._tell(request, writer, self._readers, MAX_LINES)
            else:
                async with self._one:
                    await self._tell(request, writer, None, None)
        except (OSError, ValueError, KeyError) as error:
            report(error)
        finally:
            if self._closing.is_set():
                # A client that does not read would keep the connection open with unread data.
                writer.transport.abort()
            else:
                writer.close()

    async def _tell(
        self,
        request: dict[str, Any],
        writer: asyncio.StreamWriter,
        threads: ThreadPoolExecutor | None,
        most: int | None,
    ) -> None:
        """Runs an operation to its end on a thread, and writes its lines while the client reads
        them.

        Parameters
        ----------
        most: lines that may wait for a slow reader; None if the operation must not wait.
        """
        loop = asyncio.get_running_loop()
        lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        places = threading.Semaphore(most or 0)

        def put(line: dict[str, Any] | None) -> None:
            while most is not None and not places.acquire(timeout=LOOK):
                if self._closing.is_set():
                    raise OperationError("the server stops")
            data = None if line is None else orjson.dumps(line) + b"\n"
            loop.call_soon_threadsafe(lines.put_nowait, data)

        task = loop.run_in_executor(threads, self._run, request, put)
        heard = True
        while (line := await lines.get()) is not None:
            heard = heard and await _told(writer, line, None if most else PATIENCE)
            places.release()
        await task

    def _run(self, request: dict[str, Any], put: Any) -> None:
        try:
            progress: Progress = lambda done, total: put({"progress": [done, total]})  # noqa: E731
            for line in self._operations.run(request["name"], request["arguments"], progress):
                put({"line": line})
        except OperationError as error:
            if not self._closing.is_set():
                put({"error": str(error)})
        except Exception as error:
            report(error)
            put({"error": f"the server failed: {type(error).__name__}"})
        finally:
            if not self._closing.is_set():
                put(None)


async def _told(writer: asyncio.StreamWriter, line: bytes, patience: float | None) -> bool:
    """Writes a line; returns whether the client is still connected and reads within `patience`
    seconds. The operation continues without it: no other writing operation may begin until it has
    ended."""
    try:
        writer.write(line)
        await asyncio.wait_for(writer.drain(), patience)
    except (OSError, TimeoutError):
        return False
    return True


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """Returns a name for the socket that fits the system's 107 bytes, however deep the folder
    is."""
    if len(os.fsencode(path)) < 100 or not Path("/proc/self/fd").exists():
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def ask(
    folder: Path, name: str, arguments: dict[str, Any], progress: Progress
) -> Iterator[str] | None:
    """Runs an operation in the server on `folder`; None if no server answers."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        with _short(socket_path(folder)) as address:
            connection.connect(address)
    except OSError:
        connection.close()
        return None
    return _ask(connection, name, arguments, progress)


def _ask(
    connection: socket.socket, name: str, arguments: dict[str, Any], progress: Progress
) -> Iterator[str]:
    with connection, connection.makefile("rwb") as stream:
        stream.write(orjson.dumps({"name": name, "arguments": arguments}) + b"\n")
        stream.flush()
        for line in stream:
            answer = orjson.loads(line)
            if "line" in answer:
                yield answer["line"]
            elif "progress" in answer:
                progress(*answer["progress"])
            else:
                raise OperationError(answer["error"])
