"""An HTTP/1.1 client that sends many requests to one server at once, without threads.

The thread that calls drives all connections by their readiness: handing each request to a thread
and back took more processor time than the request (`python -m bench.posts`).
"""

import math
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from adapters.apigateway.answers import Answer, BadAnswer

CONNECTIONS = 64
"""Requests at a time, as many as there are connections: a room of 50 gets a frame at once."""

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

UNSENT = -2
"""The request was not sent: there was no time for it."""

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_RECEIVE = 64 * 1024


class _Tls:
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


class _Connection:
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
        tls: "_Tls | None",
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


class Client:
    """Keeps up to CONNECTIONS connections to one server. Of several threads one sends at a time.

    Parameters
    ----------
    authorities: a file of the certificates to trust; None for the system's.
    """

    def __init__(self, host: str, port: int, *, tls: bool, authorities: str | None = None) -> None:
        self._host = host
        self._port = port
        self._secure = tls
        self._authorities = authorities
        self._tls: _Tls | None = None
        self._lock = threading.Lock()
        self._events = selectors.DefaultSelector()
        self._idle: list[_Connection] = []
        self._busy: set[_Connection] = set()
        self._addresses: list[Any] | None = None
        self._failing: set[Any] = set()

    def exchange(self, requests: Iterable[bytes], seconds: float = math.inf) -> list[int]:
        """Sends each request once; returns the statuses of their answers, or what stands for them.

        Parameters
        ----------
        requests: whole ones, each taken when a connection is free for it.
        seconds: after which it returns whatever came; the look-up of the host's name alone is
            not bounded by it. What is not sent by then is not sent.
        """
        until = time.monotonic() + seconds
        with self._lock:
            statuses: list[int] = []
            self._addresses = None
            waiting = enumerate(requests)
            try:
                self._turn(0, statuses)
                self._fill(waiting, statuses, until)
                while self._busy:
                    earliest = min(one.deadline for one in self._busy)
                    self._turn(earliest - time.monotonic(), statuses)
                    if time.monotonic() >= earliest:
                        self._expire(statuses)
                    self._fill(waiting, statuses, until)
            finally:
                # None, but for an exception: a request may fail to be made.
                while self._busy:
                    self._busy.pop().close()
            return statuses

    def close(self) -> None:
        """Closes everything, for good."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()
            self._events.close()

    def _turn(self, patience: float, statuses: list[int]) -> None:
        """Goes on with the connections that are ready; waits for one for `patience` seconds."""
        for key, _ in self._events.select(max(patience, 0)):
            one: _Connection = key.data
            if one not in self._busy:
                if not one.lives():
                    self._idle.remove(one)
                    one.close()
                continue
            try:
                answer = one.step()
            except (OSError, BadAnswer):
                self._fail(one, statuses)
                continue
            if answer is not None:
                statuses[one.place] = answer.status
                self._busy.remove(one)
                if answer.kept:
                    self._idle.append(one)
                else:
                    one.close()

    def _fill(
        self, waiting: Iterator[tuple[int, bytes]], statuses: list[int], until: float
    ) -> None:
        """Hands requests out for as long as a connection is free or may be opened. Those for
        which there is no time are taken and not sent."""
        while self._idle or len(self._busy) < CONNECTIONS:
            place, request = next(waiting, (-1, b""))
            if place < 0:
                return
            if time.monotonic() >= until:
                statuses.append(UNSENT)
                continue
            statuses.append(UNANSWERED)
            one = self._idle.pop() if self._idle else self._open()
            if one is None:
                continue
            self._busy.add(one)
            try:
                one.begin(place, request, until)
            except OSError:
                self._fail(one, statuses)

    def _expire(self, statuses: list[int]) -> None:
        now = time.monotonic()
        for late in [one for one in self._busy if one.deadline <= now]:
            self._fail(late, statuses)

    def _fail(self, one: _Connection, statuses: list[int]) -> None:
        statuses[one.place] = one.failure()
        if not one.stands:
            self._failing.add(one.address)
        self._busy.remove(one)
        one.close()

    def _open(self) -> _Connection | None:
        """Begins to connect; None where no address can be tried."""
        if self._secure and self._tls is None:
            self._tls = _Tls(self._host, self._authorities)
        for address in self._resolved():
            family, kind, protocol, _, where = address
            plain = socket.socket(family, kind, protocol)
            try:
                plain.setblocking(False)
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with suppress(BlockingIOError):
                    plain.connect(where)
            except OSError:
                plain.close()
                self._failing.add(address)
            else:
                return _Connection(plain, address, self._events, self._tls)
        return None

    def _resolved(self) -> list[Any]:
        """Returns the host's addresses, looked up once an exchange, those that failed last."""
        if self._addresses is None:
            try:
                found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            except OSError:
                found = []
            self._addresses = list(found)
            if self._failing.issuperset(found):
                self._failing.clear()
        return sorted(self._addresses, key=self._failing.__contains__)
