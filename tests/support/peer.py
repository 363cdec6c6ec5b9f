"""An HTTP server that does exactly what a test tells it, connection by connection."""

import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
CLOSE = b""
"""A piece that closes the connection instead."""

Talk = Callable[[int, int, bytes], Sequence[bytes]]
"""Called with the connection's number, the request's number on it, both from 0, and the request;
returns the pieces of the answer, each sent by itself."""


def agreeing(connection: int, number: int, request: bytes) -> Sequence[bytes]:
    return [ANSWER]


class Peer:
    """Answers each connection in a thread of its own.

    Attributes
    ----------
    port: on 127.0.0.1.
    opened: connections so far, those included that failed in their handshake.
    ended: connections that this side has closed.
    resumed: connections that resumed the TLS session of an earlier one.
    context: of TLS; None to go without.
    """

    def __init__(self, talk: Talk = agreeing, context: ssl.SSLContext | None = None) -> None:
        self.opened = self.ended = self.resumed = 0
        self._talk = talk
        self.context = context
        self._changed = threading.Condition()
        self._open: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listening.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def wait_ended(self, count: int) -> None:
        """Waits until so many connections were closed by this side."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.ended >= count, 30)

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listening.close()
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                plain, _ = self._listening.accept()
                self._open.append(plain)
                serving = threading.Thread(target=self._serve, args=(plain, self.opened))
                self.opened += 1
                self._threads.append(serving)
                serving.start()

    def _serve(self, plain: socket.socket, connection: int) -> None:
        served = plain
        with suppress(OSError):
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.context is not None:
                secure = self.context.wrap_socket(plain, server_side=True)
                self.resumed += bool(secure.session_reused)
                served = secure
            self._converse(served, connection)
        served.close()
        plain.close()
        with self._changed:
            self.ended += 1
            self._changed.notify_all()

    def _converse(self, served: socket.socket, connection: int) -> None:
        with served.makefile("rb") as reading:
            number = 0
            while head := reading.readline():
                while (line := reading.readline()) != b"\r\n":
                    head += line
                length = int(head.lower().partition(b"content-length:")[2].split()[0])
                request = head + b"\r\n" + reading.read(length)
                for piece in self._talk(connection, number, request):
                    if piece == CLOSE:
                        return
                    served.sendall(piece)
                number += 1
