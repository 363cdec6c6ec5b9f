"""The client of many requests at once, against servers that misbehave as they are told.

Over 300 lines: one client against every way in which a server misbehaves, with TLS and without.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from adapters.apigateway import connection as module
from adapters.apigateway.client import CONNECTIONS, UNSENT, Client
from adapters.apigateway.connection import STALE, UNANSWERED
from tests.support.certificates import certify
from tests.support.peer import ANSWER, CLOSE, Peer, Talk, agreeing

Start = Callable[..., tuple[Peer, Client]]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certify(tmp_path_factory.mktemp("certificates"))


def serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture(params=["plain", "tls"])
def start(request: pytest.FixtureRequest, certificates: tuple[Path, Path]) -> Iterator[Start]:
    """Starts a server and a client of it; twice, over TLS and without."""
    authority, certificate = certificates
    begun: list[tuple[Client, Peer]] = []
    tls = request.param == "tls"

    def begin(talk: Talk = agreeing) -> tuple[Peer, Client]:
        peer = Peer(talk, serving(certificate) if tls else None)
        client = Client("127.0.0.1", peer.port, tls=tls, authorities=str(authority))
        begun.append((client, peer))
        return peer, client

    yield begin
    for client, peer in begun:
        client.close()
        peer.close()


def request(body: bytes = b"") -> bytes:
    return b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def status(number: int) -> bytes:
    return b"HTTP/1.1 %d So\r\nContent-Length: 0\r\n\r\n" % number


def test_each_request_gets_its_own_answer(start: Start) -> None:
    def echo(connection: int, number: int, asked: bytes) -> Sequence[bytes]:
        return [status(int(asked[-3:]))]

    _, client = start(echo)
    numbers = [200 + n for n in range(100)]
    assert client.exchange(request(b"%d" % number) for number in numbers) == numbers
    assert client.exchange([]) == []


def test_as_many_go_at_once_as_there_may_be_connections(start: Start) -> None:
    together = threading.Barrier(CONNECTIONS)

    def wait_for_all(connection: int, number: int, asked: bytes) -> Sequence[bytes]:
        together.wait(30)
        return [ANSWER]

    peer, client = start(wait_for_all)
    assert client.exchange([request()] * CONNECTIONS * 2) == [200] * CONNECTIONS * 2
    assert peer.opened == CONNECTIONS


def test_no_more_connections_are_opened_than_are_needed_and_they_are_kept(start: Start) -> None:
    peer, client = start()
    for count in (1, 3, 2, 3):
        assert client.exchange([request()] * count) == [200] * count
    assert peer.opened == 3


def test_no_thread_is_started() -> None:
    peer = Peer()
    client = Client("127.0.0.1", peer.port, tls=False)
    threads: set[threading.Thread] = set()

    def asked() -> Iterator[bytes]:
        for _ in range(40):
            yield request()
            threads.update(one for one in threading.enumerate() if "_serve" not in one.name)

    before = set(threading.enumerate())
    client.exchange(asked())
    assert threads <= before
    client.close()
    peer.close()


def test_requests_and_answers_may_be_larger_than_any_buffer(start: Start) -> None:
    size = 900_000
    got: list[int] = []

    def answer(connection: int, number: int, asked: bytes) -> Sequence[bytes]:
        got.append(len(asked))
        return [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size]

    peer, client = start(answer)
    long = request(b"y" * 5_000_000)
    for _ in range(2):
        assert client.exchange([long]) == [200]
    assert got == [len(long)] * 2
    assert peer.opened == 1


def test_an_answer_may_come_in_pieces(start: Start) -> None:
    whole = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 410 Gone\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3;a=b\r\nabc\r\n0\r\nA: b\r\n\r\n"
    )
    pieces = [whole[n : n + 1] for n in range(len(whole))]
    peer, client = start(lambda *_: pieces)
    for _ in range(2):
        assert client.exchange([request()] * 2) == [410] * 2
    assert peer.opened == 2


@pytest.mark.parametrize("pieces", [
    [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"],
    [b"HTTP/1.1 200 OK\r\n\r\nall of it", CLOSE],
    [ANSWER + b"and more"],
])  # fmt: skip
def test_a_connection_that_cannot_be_kept_is_replaced(start: Start, pieces: list[bytes]) -> None:
    peer, client = start(lambda *_: pieces)
    for _ in range(3):
        assert client.exchange([request()]) == [200]
    assert peer.opened == 3


def test_a_connection_closed_while_idle_is_replaced_silently(start: Start) -> None:
    peer, client = start(lambda *_: [ANSWER, CLOSE])
    for count in (1, 2, 3):
        assert client.exchange([request()]) == [200]
        peer.wait_ended(count)


def test_a_kept_connection_that_closes_on_a_request_is_told_apart(start: Start) -> None:
    def once(connection: int, number: int, asked: bytes) -> Sequence[bytes]:
        return [ANSWER] if number == 0 else [CLOSE]

    _, client = start(once)
    assert client.exchange([request()]) == [200]
    assert client.exchange([request()]) == [STALE]
    assert client.exchange([request()]) == [200]


@pytest.mark.parametrize("pieces", [
    [CLOSE], [b"HTTP/1.1 2", CLOSE], [b"SSH-2.0-OpenSSH\r\n\r\n"],
    [b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", CLOSE],
])  # fmt: skip
def test_what_is_no_answer_leaves_the_others_alone(start: Start, pieces: list[bytes]) -> None:
    def answer(connection: int, number: int, asked: bytes) -> Sequence[bytes]:
        return pieces if asked.endswith(b"bad") else [ANSWER]

    _, client = start(answer)
    bodies = [b"fine", b"bad", b"fine"]
    assert client.exchange(map(request, bodies)) == [200, UNANSWERED, 200]
    # On a connection that brought an answer before, and where nothing came: the server closed it.
    nothing = STALE if pieces == [CLOSE] else UNANSWERED
    assert client.exchange(map(request, bodies)) == [200, nothing, 200]


def test_an_answer_that_does_not_come_is_waited_for_no_longer_than_allowed(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()

    def answer(connection: int, number: int, asked: bytes) -> Sequence[bytes]:
        if asked.endswith(b"never"):
            ended.wait(30)
        return [ANSWER]

    _, client = start(answer)
    assert client.exchange([request()] * 3) == [200] * 3
    with monkeypatch.context() as patched:
        patched.setattr(module, "ANSWER_TIMEOUT", 0.2)
        bodies = [b"fine", b"never", b"fine"]
        # Nothing came on a connection that was kept: it may have been closed unheard.
        assert client.exchange(map(request, bodies)) == [200, STALE, 200]
    ended.set()
    assert client.exchange([request()] * 3) == [200] * 3


def test_an_exchange_ends_in_its_time_with_what_came(start: Start) -> None:
    ended = threading.Event()
    got: list[bytes] = []

    def answer(connection: int, number: int, asked: bytes) -> Sequence[bytes]:
        got.append(asked)
        if asked.endswith(b"never"):
            ended.wait(30)
        return [ANSWER]

    _, client = start(answer)
    began = time.monotonic()
    bodies = [b"fine", *[b"never"] * CONNECTIONS, b"fine", b"late"]
    found = client.exchange(map(request, bodies), 0.5)
    assert time.monotonic() - began < 0.9
    # The connection that answered took one more; for what came after there was no time.
    assert found == [200, *[UNANSWERED] * (CONNECTIONS - 1), STALE, UNSENT, UNSENT]
    assert request(b"late") not in got
    assert client.exchange([request(b"fine")], 0) == [UNSENT]
    ended.set()
    assert client.exchange([request()] * 3, 5) == [200] * 3


def test_threads_take_turns(start: Start) -> None:
    peer, client = start()
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: client.exchange([request()] * 90), range(4)))
    assert found == [[200] * 90] * 4
    assert peer.opened == CONNECTIONS


def test_a_request_that_cannot_be_made_ends_all_and_harms_nothing(start: Start) -> None:
    def asked() -> Iterator[bytes]:
        yield request()
        yield request()
        raise RuntimeError("no credentials")

    _, client = start()
    with pytest.raises(RuntimeError):
        client.exchange(asked())
    assert client.exchange([request()] * 3) == [200] * 3


# Connecting


def test_nobody_listening() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    client = Client("127.0.0.1", port, tls=False)
    assert client.exchange([request()] * 50) == [UNANSWERED] * 50
    client.close()


def test_a_name_that_is_not_found_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def find(*what: Any, **_: Any) -> Any:
        asked.append(what)
        raise socket.gaierror("no such host")

    monkeypatch.setattr(socket, "getaddrinfo", find)
    client = Client("nowhere.invalid", 443, tls=False)
    assert client.exchange([request()] * 50) == [UNANSWERED] * 50
    assert asked == [("nowhere.invalid", 443)]
    client.close()


def test_an_address_that_fails_comes_last_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        closed = listening.getsockname()
    peer = Peer()
    stream = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    found = [(*stream, closed), (*stream, ("127.0.0.1", peer.port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    client = Client("both", 80, tls=False)
    client.exchange([request()] * 5)
    assert client.exchange([request()] * 5) == [200] * 5
    found.pop()
    peer.close()
    client.exchange([request()])
    assert client.exchange([request()]) == [UNANSWERED], "and is tried where no other is left"
    client.close()


def test_a_server_that_does_not_shake_hands(
    certificates: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CONNECT_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = Client("127.0.0.1", listening.getsockname()[1], tls=True)
        assert client.exchange([request()] * 3) == [UNANSWERED] * 3
        client.close()


@pytest.mark.parametrize("wrong", ["authority", "address"])
def test_a_server_that_cannot_prove_itself_gets_nothing(
    wrong: str, certificates: tuple[Path, Path], tmp_path: Path
) -> None:
    got: list[bytes] = []

    def note(connection: int, number: int, asked: bytes) -> Sequence[bytes]:
        got.append(asked)
        return [ANSWER]

    authority, certificate = certificates
    if wrong == "address":
        authority, certificate = certify(tmp_path, address="127.0.0.2")
    peer = Peer(note, serving(certificate))
    trusted = str(authority) if wrong == "address" else None
    client = Client("127.0.0.1", peer.port, tls=True, authorities=trusted)
    assert client.exchange([request()] * 3) == [UNANSWERED] * 3
    client.close()
    peer.close()
    assert got == []


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_sessions_are_resumed(certificates: tuple[Path, Path], version: ssl.TLSVersion) -> None:
    authority, certificate = certificates
    context = serving(certificate)
    context.minimum_version = context.maximum_version = version
    peer = Peer(lambda *_: [ANSWER, CLOSE], context)
    client = Client("127.0.0.1", peer.port, tls=True, authorities=str(authority))
    for count in (3, 6, 9):
        assert client.exchange([request()] * 3) == [200] * 3
        peer.wait_ended(count)
    assert peer.opened == 9
    assert peer.resumed == 6, "all but those that were opened before there was a session"
    client.close()
    peer.close()


def test_a_session_that_the_server_forgot_costs_a_whole_handshake_and_no_more(
    certificates: tuple[Path, Path],
) -> None:
    authority, certificate = certificates
    contexts = [serving(certificate) for _ in range(2)]
    peer = Peer(lambda *_: [ANSWER, CLOSE], contexts[0])
    client = Client("127.0.0.1", peer.port, tls=True, authorities=str(authority))
    assert client.exchange([request()]) == [200]
    peer.wait_ended(1)
    peer.context = contexts[1]
    for count in (2, 3):
        assert client.exchange([request()]) == [200]
        peer.wait_ended(count)
    assert peer.resumed == 1
    client.close()
    peer.close()
