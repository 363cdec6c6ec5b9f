"""Reads HTTP/1.1 answers of which only the status is needed.

http.client parses an answer's headers like an e-mail, which takes longer than the rest of a post.
This reader only finds the end of an answer (RFC 9112, section 6.3), refuses forms that it does not
know, and drops bodies.
"""

import re
from collections.abc import Generator

MAX_HEAD = 16 * 1024
"""Bytes of a status line with its headers, of a chunk's size line, or of the trailers."""

MAX_BODY = 1024 * 1024
"""Bytes of a body, or of one chunk. API Gateway's bodies are empty, or a line of JSON."""

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_HEAD = re.compile(
    rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [^\r\n\0]*)?\r\n((?:" + _TOKEN + rb":[^\r\n\0]*\r\n)*)\r\n"
)
_TELLING = re.compile(
    rb"^(content-length|transfer-encoding|connection):[ \t]*([^\r]*?)[ \t]*\r$", re.M | re.I
)
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n\0]*)?\r\n")
_TRAILERS = re.compile(rb"(?:" + _TOKEN + rb":[^\r\n\0]*\r\n)*\r\n")
_LENGTH = re.compile(rb"[0-9]{1,10}")


class BadAnswer(ValueError):
    """The received bytes are not an HTTP/1.1 answer to a POST or DELETE."""


class Answer:
    """Reads one answer, in pieces of any size.

    Attributes
    ----------
    begun: whether a byte of it was received.
    done: whether it is complete.
    status: its status; 0 until the headers were read. Interim answers (1xx) are skipped.
    kept: whether the connection may carry another request. Only true once it is done.
    """

    def __init__(self) -> None:
        self.begun = self.done = self.kept = False
        self.status = 0
        self._got = bytearray()
        self._ended = False
        self._reading = self._read()

    def feed(self, data: bytes) -> bool:
        """Takes the next bytes, none if the connection ended; returns whether it is done.

        Raises
        ------
        BadAnswer: it is malformed, longer than allowed, or was cut short.
        """
        if data:
            self.begun = True
            self._got += data
        else:
            self._ended = True
        if next(self._reading, self) is self:
            # Bytes after the answer belong to no request.
            self.kept = self.kept and not self._got and not self._ended
            self.done = True
        elif self._ended:
            raise BadAnswer("cut short")
        return self.done

    def _read(self) -> Generator[None, None, None]:
        status, close, fields = 100, False, dict[bytes, set[bytes]]()
        while status < 200:
            status, close, fields = yield from self._head()
        self.status = status
        coding, lengths = fields.get(b"transfer-encoding"), fields.get(b"content-length")
        if status in (204, 304):
            pass
        elif coding is not None:
            if coding != {b"chunked"} or lengths is not None:
                raise BadAnswer("a body of unknown length")
            yield from self._chunks()
        elif lengths is not None:
            if len(lengths) > 1:
                raise BadAnswer("two lengths")
            yield from self._drop(_length(lengths.pop()))
        else:
            yield from self._rest()
            close = True
        self.kept = not close

    def _head(self) -> Generator[None, None, tuple[int, bool, dict[bytes, set[bytes]]]]:
        """Returns the status, whether the connection closes, and the headers that determine the
        answer's end."""
        got = yield from self._until(b"\r\n\r\n")
        found = _HEAD.fullmatch(got)
        if found is None:
            raise BadAnswer("no head of an answer")
        minor, status = found[1], int(found[2])
        if status == 101:
            raise BadAnswer("another protocol")
        fields: dict[bytes, set[bytes]] = {}
        for name, value in _TELLING.findall(found[3]):
            fields.setdefault(name.lower(), set()).add(value.lower())
        told = {one.strip() for value in fields.get(b"connection", ()) for one in value.split(b",")}
        return status, b"close" in told or (minor == b"0" and b"keep-alive" not in told), fields

    def _chunks(self) -> Generator[None, None, None]:
        while True:
            line = _CHUNK.fullmatch((yield from self._until(b"\r\n")))
            if line is None:
                raise BadAnswer("no size of a chunk")
            size = int(line[1], 16)
            if size == 0:
                break
            if size > MAX_BODY:
                raise BadAnswer("too long a chunk")
            yield from self._drop(size)
            if (yield from self._until(b"\r\n")) != b"\r\n":
                raise BadAnswer("a chunk without an end")
        trailers = b""
        while not trailers.endswith(b"\r\n\r\n") and trailers != b"\r\n":
            trailers += yield from self._until(b"\r\n")
            if len(trailers) > MAX_HEAD:
                raise BadAnswer("too long")
        if _TRAILERS.fullmatch(trailers) is None:
            raise BadAnswer("no trailers")

    def _until(self, end: bytes) -> Generator[None, None, bytes]:
        """Takes the bytes up to and including `end`."""
        while (at := self._got.find(end)) < 0 and len(self._got) <= MAX_HEAD:
            yield
        if not 0 <= at <= MAX_HEAD - len(end):
            raise BadAnswer("too long")
        taken = bytes(self._got[: at + len(end)])
        del self._got[: at + len(end)]
        return taken

    def _drop(self, size: int) -> Generator[None, None, None]:
        while len(self._got) < size:
            size -= len(self._got)
            self._got.clear()
            yield
        del self._got[:size]

    def _rest(self) -> Generator[None, None, None]:
        dropped = 0
        while not self._ended:
            dropped += len(self._got)
            if dropped > MAX_BODY:
                raise BadAnswer("too long a body")
            self._got.clear()
            yield
        self._got.clear()


def _length(text: bytes) -> int:
    if _LENGTH.fullmatch(text) is None or int(text) > MAX_BODY:
        raise BadAnswer("a body that is too long, or of no length")
    return int(text)
