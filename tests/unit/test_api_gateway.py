"""PostToConnection's client against a server of our own that says what it is told to.

Over 300 lines: one client against one fake service, in each of its answers.
"""

import logging
import ssl
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from adapters.apigateway.gateway import (
    ATTEMPTS,
    BUDGET,
    LEAST,
    SILENT_BUDGET,
    SILENT_FOR,
    ApiGateway,
    Refused,
    Unreachable,
)
from domain.protocol.limits import MAX_FRAME
from tests.support.certificates import certify
from tests.support.peer import ANSWER, CLOSE, Peer, Talk

KEYS = Credentials("AKIDEXAMPLE", "secret", "session-token")


class FakeService:
    """API Gateway's management API, as far as it matters.

    Attributes
    ----------
    script: statuses to answer with, by connection, one a request; 200 after those.
    got: (method, raw path, headers, body) of each request.
    """

    def __init__(self) -> None:
        self.script: dict[str, list[int]] = defaultdict(list)
        self.got: list[tuple[str, str, dict[str, str], bytes]] = []
        self.peers: set[int] = set()
        lock = threading.Lock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with lock:
                    fake.peers.add(self.client_address[1])
                    fake.got.append((self.command, self.path, dict(self.headers), body))
                    script = fake.script[unquote(self.path.rsplit("/", 1)[1])]
                    status = script.pop(0) if script else 200
                if status == 0:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_DELETE = answer  # noqa: N815 http.server's names

            def log_message(self, *_: Any) -> None: ...

        class Server(ThreadingHTTPServer):
            request_queue_size = 128  # all connections are opened at once

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}/live"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self._thread.start()

    def posts(self) -> dict[str, list[bytes]]:
        found: dict[str, list[bytes]] = defaultdict(list)
        for _, path, _, body in self.got:
            found[unquote(path.rsplit("/", 1)[1])].append(body)
        return found

    def close(self) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


@pytest.fixture
def service() -> Iterator[FakeService]:
    made = FakeService()
    yield made
    made.close()


class Session:
    """As much of botocore's session as is used."""

    def __init__(self, ca_bundle: Path | None = None) -> None:
        self._variables = {"region": "eu-central-1"}
        if ca_bundle is not None:
            self._variables["ca_bundle"] = str(ca_bundle)

    def get_credentials(self) -> Credentials:
        return KEYS

    def get_config_variable(self, name: str) -> str | None:
        return self._variables.get(name)


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def gateway(service: FakeService, pauses: list[float]) -> Iterator[ApiGateway]:
    made = ApiGateway(service.endpoint, Session(), pauses.append)
    yield made
    made.shutdown()


def test_a_frame_goes_to_each(service: FakeService, gateway: ApiGateway) -> None:
    ids = [f"c{n}=" for n in range(100)]
    assert gateway.post(ids, b"frame") == []
    assert service.posts() == {id: [b"frame"] for id in ids}
    assert gateway.post([], b"frame") == []
    assert len(service.got) == 100


def test_connections_are_kept(service: FakeService, gateway: ApiGateway) -> None:
    for _ in range(5):
        gateway.post(["one"], b"frame")
    assert len(service.peers) == 1


def test_those_that_are_gone_are_told_and_nobody_else(
    service: FakeService, gateway: ApiGateway, pauses: list[float]
) -> None:
    service.script["b"] = [410]
    assert gateway.post(["a", "b", "c"], b"frame") == ["b"]
    service.script["b"] = [410]
    assert gateway.post(["b"], b"frame") == ["b"]
    assert pauses == []


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 0])
def test_what_may_pass_is_tried_again(
    service: FakeService, gateway: ApiGateway, pauses: list[float], status: int
) -> None:
    service.script["b"] = [status, status]
    assert gateway.post(["a", "b"], b"frame") == []
    assert service.posts() == {"a": [b"frame"], "b": [b"frame"] * 3}
    assert len(pauses) == 2


def test_those_that_are_tried_again_share_a_pause(
    service: FakeService, gateway: ApiGateway, pauses: list[float]
) -> None:
    for id in ("a", "b", "c"):
        service.script[id] = [429, 503]
    assert gateway.post(["a", "b", "c", "d"], b"frame") == []
    assert len(service.got) == 10
    assert len(pauses) == 2
    assert all(0 <= pause <= 0.05 * 2**attempt for attempt, pause in enumerate(pauses, 1))


def test_nobody_waits_for_anothers_pause(service: FakeService) -> None:
    """All are posted to before what failed is tried again."""
    ids = [f"c{n}" for n in range(50)]
    service.script["c0"] = [429]
    posted: list[int] = []
    made = ApiGateway(service.endpoint, Session(), lambda _: posted.append(len(service.posts())))
    assert made.post(ids, b"frame") == []
    made.shutdown()
    assert posted == [len(ids)]


def test_what_stays_is_left_and_counted(
    service: FakeService, gateway: ApiGateway, caplog: pytest.LogCaptureFixture
) -> None:
    service.script["b"] = [429] * ATTEMPTS
    service.script["c"] = [400]
    with caplog.at_level(logging.WARNING, "parley.apigateway"):
        assert gateway.post(["a", "b", "c", "d"], b"the frame") == []
    (record,) = caplog.records
    assert vars(record)["count"] == 2
    assert vars(record)["statuses"] == {"429": 1, "400": 1}
    assert "the frame" not in caplog.text


def test_a_frame_that_nobody_got_is_an_error_that_may_pass(
    service: FakeService, gateway: ApiGateway
) -> None:
    for id in ("a", "b"):
        service.script[id] = [503] * ATTEMPTS
    service.script["c"] = [410]
    with pytest.raises(Unreachable):
        gateway.post(["a", "b", "c"], b"frame")
    service.script["a"] = [503] * ATTEMPTS
    assert gateway.post(["a"], b"frame") == [], "its client asks again"


@pytest.mark.parametrize("status", [401, 403, 404, 413])
def test_a_stack_that_is_refused_has_a_named_error(
    service: FakeService, gateway: ApiGateway, pauses: list[float], status: int
) -> None:
    service.script["a"] = [status]
    with pytest.raises(Refused, match=str(status)):
        gateway.post(["a"], b"frame")
    assert pauses == []


def test_a_frame_that_is_too_long_is_not_sent(service: FakeService, gateway: ApiGateway) -> None:
    gateway.post(["a"], b"x" * MAX_FRAME)
    with pytest.raises(AssertionError):
        gateway.post(["a"], b"x" * (MAX_FRAME + 1))
    assert len(service.got) == 1


def test_closing(service: FakeService, gateway: ApiGateway) -> None:
    service.script["b"] = [410]
    gateway.close("a=", 4401)
    gateway.close("b", 4401)
    assert [(method, path) for method, path, _, _ in service.got] == [
        ("DELETE", "/live/@connections/a%3D"), ("DELETE", "/live/@connections/b"),
    ]  # fmt: skip


def test_threads_may_post_at_once(service: FakeService, gateway: ApiGateway) -> None:
    ids = [[f"{thread}-{n}" for n in range(40)] for thread in range(4)]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda mine: gateway.post(mine, b"frame"), ids)) == [[]] * 4
    assert sorted(service.posts()) == sorted(id for mine in ids for id in mine)


@contextmanager
def posting(talk: Talk, pauses: list[float]) -> Iterator[ApiGateway]:
    """Yields a gateway to a server that does what it is told, connection by connection."""
    peer = Peer(talk)
    made = ApiGateway(f"http://127.0.0.1:{peer.port}/live", Session(), pauses.append)
    yield made
    made.shutdown()
    peer.close()


def test_connections_that_closed_while_the_process_was_frozen_cost_no_pause(
    pauses: list[float],
) -> None:
    """The server closes the kept ones only when it is written to, as if it was heard late."""

    def talk(connection: int, number: int, request: bytes) -> list[bytes]:
        return [CLOSE] if connection < 3 and number else [ANSWER]

    with posting(talk, pauses) as made:
        for _ in range(2):
            assert made.post(["a", "b", "c"], b"frame") == []
    assert pauses == []


def test_a_connection_that_closed_counts_as_a_try(
    pauses: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    requests: list[bytes] = []

    def talk(connection: int, number: int, request: bytes) -> list[bytes]:
        requests.append(request)
        return [CLOSE] if requests[1:] else [ANSWER]

    with posting(talk, pauses) as made:
        made.post(["a"], b"frame")
        assert caplog.records == []
        made.post(["a"], b"frame")
    assert len(requests) == 1 + ATTEMPTS
    assert len(pauses) == ATTEMPTS - 2
    (record,) = caplog.records
    assert vars(record)["statuses"] == {"0": 1}


class Silent:
    """A service that never answers some connections; see Talk.

    Attributes
    ----------
    got: how often each connection was posted to.
    """

    def __init__(self, *silent: str) -> None:
        self.silent = set(silent)
        self.got: Counter[str] = Counter()
        self.over = threading.Event()

    def __call__(self, connection: int, number: int, request: bytes) -> list[bytes]:
        id = request.split(b" ", 2)[1].rsplit(b"/", 1)[1].decode()
        self.got[id] += 1
        if id in self.silent:
            self.over.wait(30)
        return [ANSWER]


@contextmanager
def posting_to(service: Silent, **more: Any) -> Iterator[ApiGateway]:
    peer = Peer(service)
    made = ApiGateway(f"http://127.0.0.1:{peer.port}/live", Session(), **more)
    yield made
    made.shutdown()
    service.over.set()
    peer.close()


ROOM = [f"c{n}" for n in range(50)]


def seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def test_one_silent_connection_among_fifty_costs_a_post_its_budget_at_most() -> None:
    service = Silent("c7")
    with posting_to(service) as made:
        assert seconds(lambda: made.post(ROOM, b"frame")) < BUDGET + 0.3
        others = {id: count for id, count in service.got.items() if id != "c7"}
        assert others == dict.fromkeys(set(ROOM) - {"c7"}, 1), "each got it once"
        # From then on it is known: the room is not held up by it with each message.
        assert seconds(lambda: made.post(ROOM, b"next")) < SILENT_BUDGET + 0.3
        assert {service.got[id] for id in ROOM if id != "c7"} == {2}


def test_a_silent_connection_that_answers_again_is_as_any_other() -> None:
    service = Silent("c7")
    with posting_to(service) as made:
        made.post(ROOM, b"frame")
        service.silent.clear()
        made.post(ROOM, b"next")
        service.silent.add("c7")
        before = service.got["c7"]
        made.post(ROOM, b"and on")
    assert service.got["c7"] - before > 1, "it gets more than one try"


def test_a_silent_connection_is_forgotten_as_one_in_time() -> None:
    passed = 0.0
    service = Silent("c7")
    with posting_to(service, clock=lambda: time.monotonic() + passed) as made:
        made.post(ROOM, b"frame")
        passed += SILENT_FOR
        before = service.got["c7"]
        made.post(ROOM, b"next")
    assert service.got["c7"] - before > 1


def test_a_post_ends_before_its_caller_does() -> None:
    left = [1.0]
    with posting_to(Silent("c7"), left=lambda: left[0]) as made:
        assert seconds(lambda: made.post(ROOM, b"frame")) < 1.3
    for nothing in (0.0, -5.0):
        left[0] = nothing
        service = Silent("c7")
        with posting_to(service, left=lambda: left[0]) as made:
            assert seconds(lambda: made.post(ROOM, b"frame")) < LEAST + 0.3
            assert len(service.got) == 50, "who answers at once gets it all the same"
        with posting_to(Silent("a"), left=lambda: left[0]) as made:
            assert seconds(lambda: made.close("a", 4401)) < LEAST + 0.3


def test_where_nobody_answers_it_is_not_the_connections(
    caplog: pytest.LogCaptureFixture,
) -> None:
    service = Silent("a", "b")
    with posting_to(service, left=lambda: 0.5) as made:
        for _ in range(2):
            with pytest.raises(Unreachable):
                made.post(["a", "b"], b"frame")
        service.silent = {"a", "b"}
        made.post(["a", "b", "c"], b"frame")
        # The others went: the two were silent while somebody was not, so no record is held for
        # them.
        assert made.post(["a", "b"], b"frame") == []
    assert [vars(record)["count"] for record in caplog.records] == [2, 2]


def test_over_tls_the_configured_authorities_are_trusted(
    tmp_path: Path, pauses: list[float]
) -> None:
    authority, certificate = certify(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    got: list[bytes] = []

    def talk(connection: int, number: int, request: bytes) -> list[bytes]:
        got.append(request)
        return [ANSWER]

    peer = Peer(talk, context)
    endpoint = f"https://127.0.0.1:{peer.port}/live"
    trusting = ApiGateway(endpoint, Session(authority), pauses.append)
    assert trusting.post(["a=", "b="], b"frame") == []
    assert {one.split(b" HTTP/1.1\r\n")[0] for one in got} == {
        b"POST /live/@connections/a%3D", b"POST /live/@connections/b%3D",
    }  # fmt: skip
    trusting.shutdown()
    doubting = ApiGateway(endpoint, Session(), pauses.append)
    with pytest.raises(Unreachable):
        doubting.post(["a=", "b="], b"frame")
    doubting.shutdown()
    peer.close()
    assert len(got) == 2


def verify(service: FakeService) -> None:
    """Signs what came as botocore would have and holds that against what it was signed with."""
    for method, path, headers, body in service.got:
        signed = headers["Authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
        by_name = {name.lower(): value for name, value in headers.items()}
        assert {"host", "x-amz-date", "x-amz-security-token"} <= set(signed)
        url = f"http://{headers['Host']}{path}"
        request = AWSRequest(method, url, data=body, headers={
            name: by_name[name] for name in signed if name != "host"
        })  # fmt: skip
        request.context["timestamp"] = by_name["x-amz-date"]
        signer = SigV4Auth(KEYS, "execute-api", "eu-central-1")
        text = signer.string_to_sign(request, signer.canonical_request(request))
        assert headers["Authorization"].endswith(f"Signature={signer.signature(text, request)}")


def test_requests_are_signed(service: FakeService, gateway: ApiGateway) -> None:
    gateway.post(["DTjAwfvliAFkPA=", "a/b+c"], "größe".encode())
    gateway.close("DTjAwfvliAFkPA=", 1000)
    assert len(service.got) == 3
    verify(service)


def test_requests_are_those_of_botocores_own_client(
    service: FakeService, gateway: ApiGateway
) -> None:
    session = botocore.session.Session()
    session.set_credentials(KEYS.access_key, KEYS.secret_key, KEYS.token)
    client = session.create_client(
        "apigatewaymanagementapi", "eu-central-1", endpoint_url=service.endpoint,
        config=Config(retries={"total_max_attempts": 1}),
    )  # fmt: skip
    client.post_to_connection(ConnectionId="DTjAwfvliAFkPA=", Data=b"frame")
    client.close()
    gateway.post(["DTjAwfvliAFkPA="], b"frame")
    theirs, ours = service.got
    assert ours[:2] == theirs[:2]
    assert ours[3] == theirs[3]
    verify(service)
