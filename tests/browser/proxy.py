"""A wire between page and server that tests can cut, hold and heal."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from typing import Literal, Self

Mode = Literal["open", "cut", "held", "deaf"]
"""How the wire is.

open: bytes pass. cut: connections are reset, new ones too. held: nothing passes, and what was sent
arrives later. deaf: the server hears, but its answers are lost; healing resets such connections.
"""

_RESET = struct.pack("ii", 1, 0)


class Proxy:
    """Listens on a port of its own, which the page takes for the server's.

    Parameters
    ----------
    target: asked for the server's port at each connection.
    """

    def __init__(self, target: Callable[[], int]) -> None:
        self._target = target
        self._mode: Mode = "open"
        self._changed = threading.Condition()
        self._links: set[_Link] = set()
        self._closing = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def set(self, mode: Mode) -> None:
        with self._changed:
            self._mode = mode
            links = set(self._links)
            self._changed.notify_all()
        for link in links:
            if mode == "cut" or (mode == "open" and link.broken):
                link.reset()

    def close(self) -> None:
        """Resets all connections and waits for the threads."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            links = set(self._links)
        # Closing a listener does not wake its accept(); a connection does.
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            pass
        self._thread.join()
        self._listener.close()
        for link in links:
            link.reset()
            link.join()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            with self._changed:
                if self._closing:
                    client.close()
                    return
                link = _Link(self, client)
                self._links.add(link)
            link.start()

    def pass_on(self, link: "_Link", answers: bool) -> bool:
        """Waits while the wire is held; false where the bytes are lost."""
        with self._changed:
            while self._mode == "held" and not self._closing:
                self._changed.wait()
            if self._mode == "deaf" and answers:
                link.broken = True
            return not (link.broken and answers)

    def connect(self) -> socket.socket | None:
        """Opens the server's side; None where the wire is cut or nobody listens."""
        with self._changed:
            while self._mode == "held" and not self._closing:
                self._changed.wait()
            if self._mode == "cut" or self._closing:
                return None
        try:
            return socket.create_connection(("127.0.0.1", self._target()), 5)
        except OSError:
            return None

    def forget(self, link: "_Link") -> None:
        with self._changed:
            self._links.discard(link)


class _Link:
    """One connection: a thread for each direction."""

    def __init__(self, proxy: Proxy, client: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server: socket.socket | None = None
        self.broken = False
        self._lock = threading.Lock()
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join(10)

    def reset(self) -> None:
        """Ends both sides at once, as a pulled plug that is noticed."""
        with self._lock:
            for end in (self._client, self._server):
                if end is None or self._ended:
                    continue
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        server = self._proxy.connect()
        try:
            if server is None:
                self.reset()
                return
            server.settimeout(None)
            with self._lock:
                self._server = server
            down = threading.Thread(target=self._pump, args=(server, self._client, True))
            down.start()
            self._pump(self._client, server, False)
            down.join()
        finally:
            with self._lock:
                self._ended = True
                self._client.close()
                if server is not None:
                    server.close()
            self._proxy.forget(self)

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self._proxy.pass_on(self, answers):
                    sink.sendall(data)
        # The other direction has nothing to say any more either: HTTP and WebSockets end as one.
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
