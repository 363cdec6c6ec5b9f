"""The reader of answers: what ends one, in whatever pieces it comes, and what is refused."""

import io
import itertools
from http.client import HTTPResponse
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.apigateway.answers import MAX_BODY, MAX_HEAD, Answer, BadAnswer

OK = b"HTTP/1.1 200 OK\r\n"


def read(*pieces: bytes) -> Answer:
    """Returns an answer that was fed the pieces; only the last may end it."""
    answer = Answer()
    for piece in pieces[:-1]:
        assert not answer.feed(piece)
    answer.feed(pieces[-1])
    return answer


@pytest.mark.parametrize(("came", "status", "kept"), [
    (OK + b"Content-Length: 0\r\n\r\n", 200, True),
    (OK + b"content-length:2\r\n\r\n{}", 200, True),
    (OK + b"Content-Length: 2\r\nContent-Length: 2 \r\n\r\n{}", 200, True),
    (OK + b"Content-Length: 0\r\nConnection: close\r\n\r\n", 200, False),
    (OK + b"Content-Length: 0\r\nConnection: Keep-Alive, CLOSE\r\n\r\n", 200, False),
    (OK + b"Content-Length: 0\r\nX-Connection: close\r\nEmpty:\r\n\r\n", 200, True),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 200, False),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", 200, True),
    (b"HTTP/1.1 410\r\nContent-Length: 0\r\n\r\n", 410, True),
    (b"HTTP/1.1 204 No Content\r\n\r\n", 204, True),
    (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, True),
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n"
     b"HTTP/1.1 429 Slow\r\nContent-Length: 1\r\n\r\n.", 429, True),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, True),
    (OK + b"Transfer-Encoding: Chunked\r\n\r\nA;x=y\r\n0123456789\r\n3\r\n\r\n0\r\n"
     b"000\r\nTrailer: yes\r\n\r\n", 200, True),
])  # fmt: skip
def test_what_ends_an_answer(came: bytes, status: int, kept: bool) -> None:
    for answer in (read(came), read(*(came[n : n + 1] for n in range(len(came))))):
        assert (answer.done, answer.status, answer.kept) == (True, status, kept)
    following = Answer()
    assert following.feed(came + b"H")
    assert not following.kept, "it was not asked for"


def test_an_answer_of_no_length_ends_with_the_connection() -> None:
    for pieces in ([OK + b"\r\n", b""], [OK + b"\r\n{", b"}", b""]):
        answer = read(*pieces)
        assert (answer.done, answer.status, answer.kept) == (True, 200, False)


@pytest.mark.parametrize("came", [
    b"SSH-2.0-OpenSSH\r\n\r\n",
    b"HTTP/2 200 OK\r\n\r\n",
    b"HTTP/1.2 200 OK\r\n\r\n",
    b"http/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1  200 OK\r\n\r\n",
    b"HTTP/1.1 20 OK\r\n\r\n",
    b"HTTP/1.1 2000 OK\r\n\r\n",
    b"HTTP/1.1 200OK\r\n\r\n",
    b"HTTP/1.1 999 Huh\r\n\r\n",
    b"HTTP/1.1 200 a\nb\r\n\r\n",
    b"\r\nHTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
    OK + b"Content-Length : 0\r\n\r\n",
    OK + b"Folded: a\r\n b\r\n\r\n",
    OK + b"No colon\r\n\r\n",
    OK + b": nameless\r\n\r\n",
    OK + b"A: b\nContent-Length: 0\r\n\r\n",
    OK + b"A: b\rContent-Length: 0\r\n\r\n",
    OK + b"A: \0\r\n\r\n",
    OK + b"Content-Length: \r\n\r\n",
    OK + b"Content-Length: -1\r\n\r\n",
    OK + b"Content-Length: +1\r\n\r\n",
    OK + b"Content-Length: 0x1\r\n\r\n",
    OK + b"Content-Length: 1, 1\r\n\r\n",
    OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    OK + b"Content-Length: %d\r\n\r\n" % (MAX_BODY + 1),
    OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    OK + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
    OK + b"Transfer-Encoding: identity\r\n\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\nfive\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\n\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\n1 2\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % (MAX_BODY + 1),
    OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nno trailer\r\n\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * MAX_HEAD,
    OK + b"A: " + b"b" * MAX_HEAD + b"\r\n\r\n",
    OK + b"A: " + b"b" * MAX_HEAD,
    b"x" * (MAX_HEAD + 1),
    OK + b"\r\n" + b"x" * (MAX_BODY + 1),
], ids=lambda came: repr(came[:60]))  # fmt: skip
def test_what_is_no_answer_is_refused(came: bytes) -> None:
    with pytest.raises(BadAnswer):
        read(came)
    with pytest.raises(BadAnswer):
        read(*(came[at : at + 7] for at in range(0, len(came), 7)))


WHOLE = OK + b"Content-Length: 3\r\n\r\nabc"


@pytest.mark.parametrize("size", range(len(WHOLE)))
def test_an_answer_that_is_cut_short_is_none(size: int) -> None:
    answer = Answer()
    if size:
        assert not answer.feed(WHOLE[:size])
    assert answer.begun == bool(size)
    with pytest.raises(BadAnswer, match="cut short"):
        answer.feed(b"")
    assert not answer.done


def test_an_answer_whose_connection_closed_with_it_is_not_kept() -> None:
    assert read(WHOLE).kept
    assert not read(OK + b"\r\n", b"").kept


# Made answers, held against http.client

_values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20).map(str.encode)
_headers = st.lists(
    st.tuples(st.sampled_from([b"Date", b"x-amzn-RequestId", b"Via"]), _values).map(b": ".join),
    max_size=4,
)
_closes = st.sampled_from([[], [b"Connection: close"], [b"connection:  keep-alive"]])


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """One answer whose end it tells itself."""
    interim = draw(st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n"]))
    status = draw(st.sampled_from([200, 204, 400, 410, 429, 500]))
    body = draw(st.binary(max_size=200))
    chunked = draw(st.booleans())
    if status == 204:
        telling, sent = [], b""
    elif chunked:
        cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=3)))
        edges = itertools.pairwise([0, *cuts, len(body)])
        chunks = [body[begin:end] for begin, end in edges if begin < end]
        telling = [b"Transfer-Encoding: chunked"]
        sent = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n"
        sent += b"".join(line + b"\r\n" for line in draw(_headers)) + b"\r\n"
    else:
        telling, sent = [b"Content-Length: %d" % len(body)], body
    lines = draw(st.permutations([*draw(_headers), *telling, *draw(_closes)]))
    head = b"\r\n".join([b"HTTP/1.1 %d Some Reason" % status, *lines])
    return interim + head + b"\r\n\r\n" + sent


class Socket:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: Any) -> io.BytesIO:
        return io.BytesIO(self._data)


@given(answers(), st.data())
def test_pieces_make_no_difference(came: bytes, data: st.DataObject) -> None:
    cuts = data.draw(st.sets(st.integers(1, len(came) - 1), max_size=10))
    edges = itertools.pairwise([0, *sorted(cuts), len(came)])
    answer = read(*(came[begin:end] for begin, end in edges))
    theirs = HTTPResponse(cast(Any, Socket(came)), method="POST")
    theirs.begin()
    closes = theirs.will_close
    theirs.read()
    assert answer.done
    assert (answer.status, answer.kept) == (theirs.status, not closes)


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=20), answers(), st.integers(0, 400))
def test_noise_is_refused_or_waited_for(noise: list[bytes], came: bytes, at: int) -> None:
    """Nothing else is raised than BadAnswer, whatever comes and wherever in an answer."""
    answer = Answer()
    try:
        for piece in (came[:at] or b"H", *noise, b""):
            if answer.feed(piece):
                break
    except BadAnswer:
        assert not answer.done
    else:
        assert answer.status >= 200
