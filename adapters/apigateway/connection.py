"""One connection of the client: connecting, TLS, and one request at a time."""

import selectors
import socket
import ssl
import time
from typing import Any

from adapters.apigateway.answers import Answer

CONNECT_TIMEOUT = 1.0
"""Seconds until a connection stands, its TLS included."""

ANSWER_TIMEOUT = 1.0
"""Seconds from a request on a connection that stands to the end of its answer. API Gateway answers
a post in some 10 ms."""

UNANSWERED = 0
"""In place of a status: no answer came."""

STALE = -1
"""No answer came, on a connection that had brought one before: the server closed it just as the
request was sent, or while this process was frozen."""

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_RECEIVE = 64 * 1024


class Tls:
    """What the connections to a server share of TLS: its session is resumed by the next one."""

    def __init__(self, host: str, authorities: str | None) -> None:
        # Once: reading the certificates of all authorities takes some 30 ms.
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

        A server of TLS 1.3 hands out tickets after the handshake: they are read with the answer.
        """
        session = used.session
        if session is not None and session.has_ticket:
            self._session = session


class Connection:
    """One connection, and the request on it.

    It is registered for as long as it is open. Where it can be read from though it is idle, the
    server closed it.

    Attributes
    ----------
    place: the request's.
    address: whom it was opened to.
    deadline: until when it must stand, or be answered, on the monotonic clock.
    stands: whether it may carry requests.
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
        """Takes the next request, to be answered before `until` on the monotonic clock; sends it
        where the connection stands.

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
        """Goes as far as it can without waiting; returns the answer once it ended.

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
        """Returns what stands for the status where the connection failed."""
        return STALE if self._proven and not self._answer.begun else UNANSWERED

    def lives(self) -> bool:
        """Whether a connection that is idle, and yet can be read from, is open all the same: TLS
        has messages of its own."""
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
            # What TLS holds already makes the socket ready no more.
            if self._secure is None or not self._secure.pending():
                return False
        return True

    def _want(self, wanted: int) -> None:
        if wanted != self._wanted:
            self._wanted = wanted
            self._events.modify(self._fd, wanted, self)
