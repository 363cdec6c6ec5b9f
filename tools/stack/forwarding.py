"""Lets containers reach what listens on this machine's loopback."""

import contextlib
import socket
import threading
from collections.abc import Iterator

from tools.stack.emulator import StackError

CHUNK = 65_536


@contextlib.contextmanager
def forwarded(host: str, port: int) -> Iterator[str]:
    """Passes connections to an address of this machine on to a port of its loopback.

    Yields HOST:PORT, the address.

    Raises
    ------
    StackError: the address is none of this machine's.
    """
    listener = socket.socket()
    try:
        listener.bind((host, 0))
    except OSError as error:
        listener.close()
        raise StackError(f"cannot listen at {host} for containers: {error}") from None
    listener.listen(128)
    with contextlib.closing(listener):
        thread = threading.Thread(target=_accept, args=(listener, port), daemon=True)
        thread.start()
        try:
            yield f"{host}:{listener.getsockname()[1]}"
        finally:
            # Closing alone does not wake who waits in accept.
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _accept(listener: socket.socket, port: int) -> None:
    while True:
        try:
            caller, _ = listener.accept()
        except OSError:
            return
        try:
            called = socket.create_connection(("127.0.0.1", port), timeout=10)
        except OSError:
            caller.close()
            continue
        called.settimeout(None)
        for one, other in ((caller, called), (called, caller)):
            threading.Thread(target=_copy, args=(one, other), daemon=True).start()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    """Copies until the source ends, then tells the sink so."""
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
