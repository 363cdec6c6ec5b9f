"""An HTTP/1.1 client that sends many requests to one server at once, without threads.

The calling thread drives all connections by their readiness: passing each request to a thread and
back took more processor time than the request (`python -m bench.posts`).
"""

import math
import selectors
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from adapters.apigateway.answers import BadAnswer
from adapters.apigateway.connection import UNANSWERED, Connection, Tls

CONNECTIONS = 64
"""Parallel requests, one per connection: a room of 50 gets a frame at once."""

UNSENT = -2
"""The request was not sent, because there was no time left."""


class Client:
    """Keeps up to CONNECTIONS connections to one server. Only one thread sends at a time.

    Parameters
    ----------
    authorities: a file of trusted certificates; None for the system's.
    """

    def __init__(self, host: str, port: int, *, tls: bool, authorities: str | None = None) -> None:
        self._host = host
        self._port = port
        self._secure = tls
        self._authorities = authorities
        self._tls: Tls | None = None
        self._lock = threading.Lock()
        self._events = selectors.DefaultSelector()
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._addresses: list[Any] | None = None
        self._failing: set[Any] = set()

    def exchange(self, requests: Iterable[bytes], seconds: float = math.inf) -> list[int]:
        """Sends each request once; returns the statuses of their answers, or the codes that replace
        them.

        Parameters
        ----------
        requests: complete requests, each taken when a connection is free for it.
        seconds: after which it returns the answers received so far. Only the look-up of the host's
            name is not bounded by it. Requests that are not sent by then are dropped.
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
                # None are left, except after an exception: creating a request may fail.
                while self._busy:
                    self._busy.pop().close()
            return statuses

    def close(self) -> None:
        """Closes everything permanently."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()
            self._events.close()

    def _turn(self, patience: float, statuses: list[int]) -> None:
        """Continues with the connections that are ready; waits for one for `patience` seconds."""
        for key, _ in self._events.select(max(patience, 0)):
            one: Connection = key.data
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
        """Assigns requests while a connection is free or may be opened. Requests for which there is
        no time are taken but not sent."""
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

    def _fail(self, one: Connection, statuses: list[int]) -> None:
        statuses[one.place] = one.failure()
        if not one.stands:
            self._failing.add(one.address)
        self._busy.remove(one)
        one.close()

    def _open(self) -> Connection | None:
        """Begins to connect; None if no address can be tried."""
        if self._secure and self._tls is None:
            self._tls = Tls(self._host, self._authorities)
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
                return Connection(plain, address, self._events, self._tls)
        return None

    def _resolved(self) -> list[Any]:
        """Returns the host's addresses, looked up once per exchange; addresses that failed come
        last."""
        if self._addresses is None:
            try:
                found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            except OSError:
                found = []
            self._addresses = list(found)
            if self._failing.issuperset(found):
                self._failing.clear()
        return sorted(self._addresses, key=self._failing.__contains__)
