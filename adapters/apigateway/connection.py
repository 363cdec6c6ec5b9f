"""One connection of the client: connecting, TLS, and one request at a time."""

import selectors
import socket
import ssl
import time
from typing import Any

from adapters.apigateway.answers import Answer

CONNECT_TIMEOUT = 1.0
"""Seconds to establish a connection, including TLS."""

ANSWER_TIMEOUT = 1.0
"""Seconds from a request on an established connection to the end of its answer. API Gateway answers
a post in about 10 ms."""

UNANSWERED = 0
"""In place of a status: there was no answer."""

STALE = -1
"""There was no answer on a connection that had brought one before: the server closed it just as the
request was sent, or while this process was frozen."""

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_RECEIVE = 64 * 1024


class Tls:
    """TLS state that the connections to a server share: the next connection resumes its session."""

    def __init__(self, host: str, authorities: str | None) -> None:
        # Once: reading the certificates of all authorities takes about 30 ms.
        self._context = ssl.create_default_context(cafile=authorities)
        self._host = host
        self._session: ssl.SSLSession | None = None

    def wrap(self, plain: socket.socket) -> ssl.SSLSocket:
        return self._context.wrap_socket(
            plain,
            server_hostname=self._host,
            do_handshake_on_connect=False,
            session=self._session,
        )

    def keep(self, used: ssl.SSLSocket) -> None:
        """Keeps the session of a connection that brought an answer.

        A TLS 1.3 server sends tickets after the handshake: they are read with the answer.
        """
        session = used.session
        if session is not None and session.has_ticket:
            self._session = session


class Connection:
    """One connection, and the request on it.

    It is registered while it is open. If it becomes readable while it is idle, the server closed
    it.

    Attributes
    ----------
    place: the request's position.
    address: the address that it connects to.
    deadline: time by which it must be established, or the answer complete, on the monotonic clock.
    stands: whether it is established and may carry requests.
    """

    def __init__(
        self,
        plain: socket.socket,
        address: Any,
        events: selectors.BaseSelector,
        tls: "Tls | None",
    ) -> None:
        self.place = -1
        self.address = address
        self.deadline = 0.0
        self.stands = False
        self._socket = plain
        self._fd = plain.fileno()
        self._events = events
        self._wanted = _WRITE
        self._tls = tls
        self._secure: ssl.SSLSocket | None = None
        self._proven = False
        self._request = b""
        self._until = 0.0
        self._answer = Answer()
        events.register(self._fd, _WRITE, self)

    def begin(self, place: int, request: bytes, until: float) -> None:
        """Takes the next request, to be answered before `until` on the monotonic clock; sends it if
        the connection is established.

        Raises
        ------
        OSError: the connection failed.
        """
        self.place = place
        self._request = request
        self._answer = Answer()
        self._until = until
        now = time.monotonic()
        if self.stands:
            self.deadline = min(now + ANSWER_TIMEOUT, until)
            self.step()
        else:
            self.deadline = min(now + CONNECT_TIMEOUT, until)

    def step(self) -> Answer | None:
        """Continues as far as possible without waiting; returns the answer once it is complete.

        Raises
        ------
        OSError, BadAnswer: the connection failed.
        """
        try:
            if not self.stands:
                self._connect()
            if self._request:
                self._write()
            elif self._read():
                if self._tls is not None and self._secure is not None and not self._proven:
                    self._tls.keep(self._secure)
                self._proven = True
                return self._answer
        except ssl.SSLWantReadError:
            self._want(_READ)
        except ssl.SSLWantWriteError:
            self._want(_WRITE)
        except BlockingIOError:
            self._want(_WRITE if self._request else _READ)
        return None

    def failure(self) -> int:
        """Returns the code that replaces the status of a failed connection."""
        return STALE if self._proven and not self._answer.begun else UNANSWERED

    def lives(self) -> bool:
        """Whether an idle connection is still open although it is readable: TLS has messages of its
        own."""
        try:
            self._socket.recv(1)
        except (ssl.SSLWantReadError, BlockingIOError):
            return True
        except OSError:
            pass
        return False

    def close(self) -> None:
        self._events.unregister(self._fd)
        self._socket.close()

    def _connect(self) -> None:
        if self._secure is None:
            failed = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if failed:
                raise OSError(failed, "no connection")
            if self._tls is not None:
                self._secure = self._tls.wrap(self._socket)
                self._socket = self._secure
        if self._secure is not None:
            self._secure.do_handshake()
        self.stands = True
        self.deadline = min(time.monotonic() + ANSWER_TIMEOUT, self._until)

    def _write(self) -> None:
        while self._request:
            self._request = self._request[self._socket.send(self._request) :]
        self._want(_READ)

    def _read(self) -> bool:
        while not self._answer.feed(self._socket.recv(_RECEIVE)):
            # Data that TLS has already buffered no longer makes the socket ready.
            if self._secure is None or not self._secure.pending():
                return False
        return True

    def _want(self, wanted: int) -> None:
        if wanted != self._wanted:
            self._wanted = wanted
            self._events.modify(self._fd, wanted, self)
