"""`python -m bench.posts`: measures a post of a frame to a room of 50 connections.

The service is a separate process on this machine that answers each request after 10 ms, over plain
HTTP and over TLS. Parley's client (adapters/apigateway) is compared with the previous one:
urllib3's pool with 32 threads and the same signatures. Both take turns, so that a slow moment
affects both; only the ratios are valid for other machines. The first post, which opens the
connections, is measured separately.
"""

from __future__ import annotations

import argparse
import asyncio
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import urllib3
from botocore.credentials import Credentials

from adapters.apigateway.gateway import ApiGateway
from adapters.apigateway.signing import Signer
from tests.support.certificates import certify

POSTS = 50
DELAY = 0.010
"""Seconds that the service takes for an answer."""

ROUNDS, WARM = 60, 5
FRAME = b'{"type":"event","room":"lobby","text":"' + b"x" * 360 + b'"}'
IDS = [f"DTjAwfvliAF{n:04}=" for n in range(POSTS)]
THREADS = 32
ANSWER = (
    b"HTTP/1.1 200 OK\r\nDate: Thu, 20 Nov 2026 12:00:00 GMT\r\n"
    b"Content-Type: application/json\r\nContent-Length: 0\r\nConnection: keep-alive\r\n"
    b"x-amzn-RequestId: 0a1b2c3d-0000-4000-8000-000000000000\r\n"
    b"x-amz-apigw-id: Abcdefghijklmno=\r\n\r\n"
)


class Session:
    """The part of botocore's session that the gateway uses."""

    def __init__(self, authority: Path) -> None:
        self._authority = authority

    def get_credentials(self) -> Credentials:
        return Credentials("AKIDEXAMPLE", "secret", "token" * 80)

    def get_config_variable(self, name: str) -> str:
        return {"ca_bundle": str(self._authority), "region": "us-east-1"}[name]


class Ours:
    def __init__(self, address: str, session: Session) -> None:
        self._gateway = ApiGateway(f"{address}/prod", session)

    def post(self) -> None:
        assert self._gateway.post(IDS, FRAME) == []

    def close(self) -> None:
        self._gateway.shutdown()


class Before:
    """A thread a post, over urllib3's pool."""

    def __init__(self, address: str, session: Session) -> None:
        more: dict[str, Any] = {}
        if address.startswith("https"):
            more["ca_certs"] = session.get_config_variable("ca_bundle")
        self._http = urllib3.connection_from_url(
            address, maxsize=THREADS, block=True, retries=False, **more
        )
        host = address.partition("://")[2]
        self._signer = Signer(session.get_credentials(), "us-east-1", host)
        self._threads = ThreadPoolExecutor(THREADS)

    def post(self) -> None:
        signed = self._signer.signed("POST", FRAME, datetime.now(UTC))

        def send(connection_id: str) -> int:
            path = f"/prod/@connections/{quote(connection_id, safe='')}"
            lines = signed(path).partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
            headers = dict(line.split(": ", 1) for line in lines)
            return int(self._http.urlopen("POST", path, body=FRAME, headers=headers).status)

        assert set(self._threads.map(send, IDS)) == {200}

    def close(self) -> None:
        self._threads.shutdown()
        self._http.close()


@dataclass
class Spent:
    """Milliseconds that POSTS posts took, a round each, the first one connecting."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    def time(self, post: Callable[[], None]) -> None:
        cpu, wall = time.process_time(), time.perf_counter()
        post()
        self.cpu.append((time.process_time() - cpu) * 1e3)
        self.wall.append((time.perf_counter() - wall) * 1e3)

    def figures(self) -> list[float]:
        """Returns processor time a post, wall time of all; then both of the first round."""
        cpu, wall = (statistics.median(taken[WARM:]) for taken in (self.cpu, self.wall))
        return [cpu / POSTS, wall, self.cpu[0] / POSTS, self.wall[0]]


def measure(address: str, session: Session, rounds: int) -> list[tuple[str, Spent]]:
    """Returns the times of each client; they take turns."""
    spent = [("threads, urllib3", Spent()), ("ours", Spent())]
    with closing(Before(address, session)) as before, closing(Ours(address, session)) as ours:
        for _ in range(WARM + rounds):
            for (_, one), post in zip(spent, (before.post, ours.post), strict=True):
                one.time(post)
    return spent


def table(found: dict[str, list[tuple[str, Spent]]]) -> Iterator[str]:
    """Yields the lines of the table, a ratio under each pair."""
    heads = "| | CPU ms a post | 50 posts, ms | first: CPU ms a post | first: 50 posts, ms |"
    yield from (heads, "| --- | --: | --: | --: | --: |")
    for scheme, ways in found.items():
        rows = [(name, spent.figures()) for name, spent in ways]
        (_, before), (_, after) = rows
        rows.append(("ours / threads", [b / a for a, b in zip(before, after, strict=True)]))
        for name, figures in rows:
            cells = " | ".join(
                f"{figure:.{3 if n % 2 == 0 else 2}f}" for n, figure in enumerate(figures)
            )
            yield f"| {scheme}: {name} | {cells} |"


def handshakes(authority: Path, certificate: Path) -> tuple[float, float]:
    """Returns a client's milliseconds of processor for a whole handshake and for one that resumes a
    session; the chain here is of two short keys, real ones take longer to verify."""
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(certificate)
    context = ssl.create_default_context(cafile=str(authority))

    def shake(session: ssl.SSLSession | None) -> tuple[float, ssl.SSLSession | None]:
        from_server, to_server, from_client, to_client = (ssl.MemoryBIO() for _ in range(4))
        began = time.process_time()
        client = context.wrap_bio(
            from_server, to_server, server_hostname="127.0.0.1", session=session
        )
        taken = time.process_time() - began
        server = served.wrap_bio(from_client, to_client, server_side=True)
        for _ in range(2):
            began = time.process_time()
            with suppress(ssl.SSLWantReadError):
                client.do_handshake()
            taken += time.process_time() - began
            from_client.write(to_server.read())
            with suppress(ssl.SSLWantReadError):
                server.do_handshake()
            from_server.write(to_client.read())
        server.write(b"x")
        from_server.write(to_client.read())
        began = time.process_time()
        client.read(1)
        kept = client.session
        return (taken + time.process_time() - began) * 1e3, kept

    whole = [shake(None) for _ in range(200)]
    resumed = [shake(whole[-1][1]) for _ in range(200)]
    first, second = (statistics.median(one for one, _ in all) for all in (whole, resumed))
    return first, second


async def serve(certificate: str) -> None:
    """Answers every request after DELAY, at two ports that it prints: plain and TLS."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length))
                await asyncio.sleep(DELAY)
                writer.write(ANSWER)

    async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    plain = await asyncio.start_server(taken, "127.0.0.1", 0, backlog=128)
    secure = await asyncio.start_server(taken, "127.0.0.1", 0, backlog=128, ssl=context)
    print(*(server.sockets[0].getsockname()[1] for server in (plain, secure)), flush=True)
    await asyncio.gather(plain.serve_forever(), secure.serve_forever())


@contextmanager
def service(certificate: Path) -> Iterator[tuple[str, str]]:
    """Yields the addresses, plain and TLS, of a service in another process."""
    asked = [sys.executable, "-m", "bench.posts", "--serve", str(certificate)]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            plain, secure = running.stdout.readline().split()
            yield f"http://127.0.0.1:{plain}", f"https://127.0.0.1:{secure}"
        finally:
            running.kill()


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table; see the module."""
    asked = argparse.ArgumentParser(prog="python -m bench.posts")
    asked.add_argument("--rounds", type=int, default=ROUNDS)
    asked.add_argument("--serve", metavar="PEM", help=argparse.SUPPRESS)
    options = asked.parse_args(arguments)
    if options.serve:
        asyncio.run(serve(options.serve))
        return
    found = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        authority, certificate = certify(folder)
        whole, resumed = handshakes(authority, certificate)
        for address in stack.enter_context(service(certificate)):
            scheme = address.partition(":")[0]
            found[scheme] = measure(address, Session(authority), options.rounds)
    print(*table(found), sep="\n")
    print(
        f"\nA handshake of TLS: {whole:.3f} ms of processor, {resumed:.3f} ms to resume a session."
    )


if __name__ == "__main__":
    main()
