"""Lets containers reach servers on this machine's loopback interface."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

from tools.stack.emulator import StackError

CHUNK = 65_536


@contextlib.contextmanager
def forwarded(host: str, port: int) -> Iterator[str]:
    """Forwards connections from an address of this machine to a port of its loopback interface.

    Yields HOST:PORT, the address.

    Raises
    ------
    StackError: the address does not belong to this machine.
    """
    try:
        forwarder = _Forwarder(host, port)
    except OSError as error:
        raise StackError(f"cannot listen at {host} for containers: {error}") from None
    try:
        yield forwarder.address
    finally:
        forwarder.close()


class _Forwarder:
    def __init__(self, host: str, port: int) -> None:
        self._listener = socket.create_server((host, 0), backlog=128)
        self.address = f"{host}:{self._listener.getsockname()[1]}"
        self._port = port
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def close(self) -> None:
        """Ends every connection; returns once all threads have ended."""
        # Closing alone does not wake a thread in accept or recv.
        for one in (self._listener, *list(self._open)):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _start(self, target: Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=target, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with self._listener:
            while True:
                try:
                    caller, _ = self._listener.accept()
                except OSError:
                    return
                self._open.add(caller)
                self._start(self._carry, caller)

    def _carry(self, caller: socket.socket) -> None:
        local = ("127.0.0.1", self._port)
        with (
            caller,
            contextlib.suppress(OSError),
            socket.create_connection(local, timeout=10) as called,
        ):
            called.settimeout(None)
            self._open.add(called)
            back = threading.Thread(target=_copy, args=(called, caller))
            back.start()
            _copy(caller, called)
            back.join()
            self._open.discard(called)
        self._open.discard(caller)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    """Copies until the source ends, then ends the sink."""
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
