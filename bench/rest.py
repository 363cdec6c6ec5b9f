"""A blocking HTTP/1.1 client over one keep-alive connection.

`http.client` parses headers with the email package, about 100 µs per call: too slow to measure a
page that takes 1 ms.
"""

from __future__ import annotations

import socket
from typing import Any

import orjson


class HttpError(Exception):
    """A call was answered with an unexpected status."""


class Rest:
    """Calls to one server, one after the other."""

    def __init__(self, host: str, port: int, timeout: float = 30.0) -> None:
        self._address, self._timeout = (host, port), timeout
        self._socket: socket.socket | None = None

    def call(
        self, method: str, path: str, body: object = None, token: str | None = None
    ) -> dict[str, Any]:
        """Give the JSON of the answer; raise `HttpError` unless the status is 2xx."""
        status, payload = self.exchange(self.request(method, path, body, token))
        if not 200 <= status < 300:
            raise HttpError(f"{method} {path}: {status} {payload[:200]!r}")
        answer: dict[str, Any] = orjson.loads(payload) if payload else {}
        return answer

    def request(
        self, method: str, path: str, body: object = None, token: str | None = None
    ) -> bytes:
        """Give a request's bytes, ready for `exchange`."""
        host, port = self._address
        content = b"" if body is None else orjson.dumps(body)
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}:{port}"]
        if token:
            lines.append(f"Authorization: Bearer {token}")
        if content or method == "POST":
            lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + content

    def exchange(self, request: bytes) -> tuple[int, bytes]:
        """Send the bytes and give (status, body), once the whole body is here."""
        if self._socket is None:
            self._socket = socket.create_connection(self._address, self._timeout)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)
        data = bytearray()
        while (end := data.find(b"\r\n\r\n")) < 0:
            self._receive(data)
        head = bytes(data[:end]).decode("latin-1").lower().split("\r\n")
        status = int(head[0].split(" ", 2)[1])
        fields = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
        if "content-length" not in fields and status not in (204, 304):
            raise HttpError(f"an answer without content-length: {head}")
        size = end + 4 + int(fields.get("content-length", "0"))
        while len(data) < size:
            self._receive(data)
        if fields.get("connection") == "close":
            self.close()
        return status, bytes(data[end + 4 : size])

    def _receive(self, data: bytearray) -> None:
        assert self._socket is not None
        part = self._socket.recv(1 << 18)
        if not part:
            raise HttpError(f"the server closed amid an answer: {bytes(data[:200])!r}")
        data += part

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
