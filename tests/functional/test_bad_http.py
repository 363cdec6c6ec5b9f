"""HTTP requests that are not as they should be.

Over 300 lines: every kind of malformed request, sent by one raw client to one server.
"""

import os
import socket
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.server.harness import OPTIONS, Answer, Party, Server
from tests.server.raw import frame, handshake

WORDS = "xyzzy-plugh"
"""Words that must never be logged."""

PLACES = [
    "/", "/index.html", "/healthz", "/api/openapi.json", "/api/rooms", "/api/directory", "/nowhere",
    "/ws",
]  # fmt: skip


def spoken(server: Server, request: bytes) -> bytes:
    """Sends bytes and returns all that comes back until the server ends the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        try:
            while data := connection.recv(65_536):
                answer += data
        except ConnectionResetError:
            pass
    return answer


def asked(server: Server, *lines: str, body: bytes = b"") -> bytes:
    """Sends a request line and headers as they are; returns the answer's status line."""
    request = "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body
    return spoken(server, request).split(b"\r\n")[0]


# Host and Origin


@pytest.mark.parametrize("path", ["/", "/api/rooms", "/api/session", "/healthz"])
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "localhost.evil.example",
        "127.0.0.1.nip.io:{port}",
        "127.0.0.2:{port}",
        "",
        "[",
        "user@evil.example",
        "localhost:{port}@evil.example",
    ],
)
def test_a_foreign_host(party: Party, host: str, path: str) -> None:
    named = host.format(port=party.server.port)
    answer = party.server.http("GET", path, headers={"Host": named})
    assert (answer.status, answer.code) == (403, "forbidden")


def test_no_host_at_all(party: Party) -> None:
    status = asked(party.server, "GET /api/rooms HTTP/1.1")
    assert status.split()[1] in (b"400", b"403"), status


@pytest.mark.parametrize(
    "host", ["localhost:{port}", "127.0.0.1:{port}", "LOCALHOST:{port}", "localhost"]
)
def test_ones_own_host(party: Party, host: str) -> None:
    named = host.format(port=party.server.port)
    assert party.server.http("GET", "/healthz", headers={"Host": named}).status == 200


ORIGINS = [
    "http://evil.example",
    "https://evil.example:{port}",
    "http://localhost.evil.example:{port}",
    "http://localhost:1",
    "http://localhost",
    "null",
    "",
    "file://",
    "ftp://127.0.0.1:{port}",
    "http://127.0.0.1:{port}@evil.example",
    "http://evil.example/127.0.0.1:{port}",
    "http://[",
]


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_foreign_origin(party: Party, origin: str) -> None:
    named = origin.format(port=party.server.port)
    answer = party.server.http(
        "POST", "/api/session", {"nickname": "eve"}, headers={"Origin": named}
    )
    assert (answer.status, answer.code) == (403, "forbidden")
    url = party.enter("ann").ticket()
    with pytest.raises(InvalidStatus) as refused:
        connect(url, additional_headers={"Origin": named}, **OPTIONS)
    assert refused.value.response.status_code == 403
    # It did not even cost the ticket.
    with connect(url, additional_headers={"Origin": party.server.url}, **OPTIONS):
        pass


def test_ones_own_origin(party: Party) -> None:
    answer = party.server.http("GET", "/healthz", headers={"Origin": party.server.url})
    assert answer.status == 200


# Who asks


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer garbage",
        "Basic {token}",
        "{token}",
        "Bearer {token}x",
        "Bearer {half}",
        "Token {token}",
        "Bearer é{token}",
    ],
)
def test_a_header_that_is_no_token(party: Party, header: str) -> None:
    token = party.enter("ann").token
    sent = header.format(token=token, half=token[:20]).encode()
    answer = party.server.http(
        "GET", "/api/rooms", headers={"Authorization": sent.decode("latin-1")}
    )
    assert (answer.status, answer.code) == (401, "unauthenticated")


def test_a_token_in_the_address_is_none(party: Party) -> None:
    token = party.enter("ann").token
    for query in (f"token={token}", f"Authorization=Bearer%20{token}", f"access_token={token}"):
        assert party.server.http("GET", f"/api/rooms?{query}").status == 401


@pytest.mark.parametrize("ticket", ["", "x", "x" * 5_000, "%00", "'--", "a&ticket=b"])
def test_a_ticket_that_is_none(party: Party, ticket: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://127.0.0.1:{party.server.port}/ws?ticket={ticket}", **OPTIONS)
    assert refused.value.response.status_code == 401


def test_one_ticket_for_two_at_once(party: Party) -> None:
    url = party.enter("ann").ticket()
    address = ("127.0.0.1", party.server.port)
    request = handshake(url)
    sockets = [socket.create_connection(address, timeout=10) for _ in range(8)]
    for one in sockets:
        one.sendall(request)
    told = sorted(one.recv(12) for one in sockets)
    for one in sockets:
        one.close()
    assert told == [b"HTTP/1.1 101"] + [b"HTTP/1.1 401"] * 7


@pytest.mark.parametrize(
    ("path", "change", "status"),
    [
        ("/nowhere", {}, 404),
        ("/ws", {"version": "12"}, 426),
        ("/ws", {"key": "short"}, 400),
        ("/ws", {"key": ""}, 400),
    ],
)
def test_a_handshake_that_is_none(
    party: Party, path: str, change: dict[str, str], status: int
) -> None:
    url = party.enter("ann").ticket().replace("/ws?", f"{path}?")
    answer = spoken(party.server, handshake(url, **change))
    told = int(answer.split()[1])
    assert told in (status, 400), answer


def test_frames_before_the_handshake_is_answered(party: Party) -> None:
    """Nothing of the kind may harm the server; what it makes of them is its own affair."""
    before = [
        frame(b'{"action":"ping"}'),
        frame(b"hi", 9),
        frame(b"\x03\xe8", 8),
        frame(b"x" * 40_000),
        b"\xff" * 1_000,
    ]
    for early in before:
        request = handshake(party.enter("ann").ticket()) + early
        with socket.create_connection(("127.0.0.1", party.server.port), timeout=10) as connection:
            connection.sendall(request)
            assert connection.recv(12).startswith(b"HTTP/1.1")
    party.enter("bob").connect().so_far()


# Bodies


def test_a_body_that_is_too_large(party: Party) -> None:
    server = party.server
    for size, status in ((65_536, 422), (65_537, 413), (1_000_000, 413)):
        answer = server.http("POST", "/api/session", b" " * size)
        assert answer.status == status, size
        assert answer.code == {413: "too_large", 422: "invalid"}[status]


def test_a_body_in_chunks_that_is_too_large(party: Party) -> None:
    chunk = b"2000\r\n" + b" " * 0x2000 + b"\r\n"
    head = (
        f"POST /api/session HTTP/1.1\r\nHost: 127.0.0.1:{party.server.port}\r\n"
        "Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n"
        "Connection: close\r\n\r\n"
    )
    answer = spoken(party.server, head.encode() + chunk * 9 + b"0\r\n\r\n")
    assert answer.split()[1] == b"413", answer


UNREADABLE = {
    "nothing": b"",
    "a form": b"nickname=eve",
    "a byte that is no UTF-8": b'{"nickname":"\xff"}',
    "an encoded surrogate": b'{"nickname":"a\xed\xa0\x80"}',
    "half a pair": b'{"nickname":"\\ud800"}',
    "UTF-16": '{"nickname":"eve"}'.encode("utf-16"),
    "half an object": b'{"nickname":"eve"',
    "NaN": b'{"nickname":NaN}',
    "a control character": b'{"nickname":"\\u0000"}',
    "deep arrays": b"[" * 60_000,
    "deep objects": b'{"nickname":' * 5_000,
    "zeros": b"\x00" * 100,
}


@pytest.mark.parametrize("name", UNREADABLE)
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
def test_a_body_that_cannot_be_read(party: Party, name: str, kind: str) -> None:
    body = UNREADABLE[name]
    answer = party.server.http("POST", "/api/session", body, headers={"Content-Type": kind})
    assert (answer.status, answer.code) == (422, "invalid"), answer.body


# Routes


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/"),
        ("GET", "/api/nothing"),
        ("GET", "/api/rooms/"),
        ("GET", "/api/rooms/general"),
        ("GET", "/api/rooms/general/messages/1"),
        ("GET", "/api/rooms/a/b/messages"),
        ("GET", "/api/rooms/%2e%2e/messages"),
        ("GET", "/api//session"),
        ("GET", "/api/tickets"),
        ("PUT", "/api/session"),
        ("PATCH", "/api/session"),
        ("DELETE", "/api/rooms"),
        ("POST", "/api/rooms"),
        ("POST", "/api/rooms/general/messages"),
        ("OPTIONS", "/api/session"),
    ],
)
def test_an_unknown_route_or_method(party: Party, method: str, path: str) -> None:
    answer = party.enter("ann").http(method, path)
    assert answer.status in (404, 405, 422), answer
    assert answer.code in ("not_found", "invalid"), answer


@pytest.mark.parametrize(
    "room", ["General", "a_b", "r" * 65, "%00", "u_4k2j7q9x3m5pa", "a%0a", "é"]
)
@pytest.mark.parametrize("what", ["messages", "events", "members"])
def test_a_bad_room_id(party: Party, room: str, what: str) -> None:
    path = f"/api/rooms/{room}/{what}".encode().decode("latin-1")
    ann = party.enter("ann")
    line = f"GET {path} HTTP/1.1"
    status = asked(
        party.server,
        line,
        f"Host: 127.0.0.1:{party.server.port}",
        f"Authorization: Bearer {ann.token}",
    )
    assert status.split()[1] in (b"400", b"404", b"422"), status


@pytest.mark.parametrize(
    "path",
    [
        "/../pyproject.toml",
        "/../../pyproject.toml",
        "/..%2f..%2fpyproject.toml",
        "/%2e%2e/%2e%2e/pyproject.toml",
        "/assets/../../../pyproject.toml",
        "/assets/..%2f..%2f..%2fpyproject.toml",
        "/..\\..\\pyproject.toml",
        "/%5c..%5c..%5cpyproject.toml",
        "/....//....//pyproject.toml",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2fetc/passwd",
        "/%00",
        "/index.html%00.js",
        "/" + "a" * 5_000,
        "/" + "a/" * 2_000,
        "/{folder}/vault.key",
        "/%ff%fe",
        "/\xff",
    ],
)
def test_no_way_out_of_the_web_apps_folder(party: Party, path: str) -> None:
    named = path.format(folder=party.server.folder) if "{" in path else path
    host = f"Host: 127.0.0.1:{party.server.port}"
    answer = spoken(
        party.server,
        f"GET {named} HTTP/1.1\r\n{host}\r\nConnection: close\r\n\r\n".encode("latin-1"),
    )
    status = int(answer.split()[1])
    # 503 where the web app was not built.
    assert status in (400, 404, 414, 431, 503), answer[:300]
    assert b"[project]" not in answer
    assert b"root:" not in answer


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_files_are_only_read(party: Party, method: str) -> None:
    assert party.server.http(method, "/").status in (405, 503)


@pytest.mark.parametrize("path", PLACES)
def test_security_headers(party: Party, path: str) -> None:
    answer = party.server.http("GET", path)
    parts = answer.headers["content-security-policy"].split(";")
    policy = {name: value for name, _, value in (part.strip().partition(" ") for part in parts)}
    assert policy["default-src"] == "'self'"
    assert policy["script-src"] == "'self'"
    assert policy["object-src"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "server" not in answer.headers
    assert "access-control-allow-origin" not in answer.headers


def test_answers_are_not_stored(party: Party) -> None:
    ann = party.enter("ann")
    room = party.room(ann.connect())
    answers: list[Answer] = [
        ann.http("POST", "/api/tickets"),
        ann.http("GET", "/api/session"),
        ann.http("GET", "/api/rooms"),
        ann.http("GET", f"/api/rooms/{room}/messages"),
        ann.http("GET", f"/api/rooms/{room}/events"),
    ]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-type"].startswith("application/json")


def test_requests_that_are_none(party: Party) -> None:
    for request in (
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(64) + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    ):
        answer = spoken(party.server, request)
        assert answer == b"" or answer.split()[1] in (b"400", b"403"), answer
    assert party.server.http("GET", "/healthz").status == 200


# What is logged


def test_nothing_secret_is_logged(tmp_path: Path) -> None:
    with Server(tmp_path / "data", rate=0) as server:
        party = Party(server)
        ann = party.enter(f"ann {WORDS}"[:20])
        url = ann.ticket()
        connection = connect(url, **OPTIONS)
        connection.close()
        tab = ann.connect()
        room = party.room(tab)
        tab.ok("post", room=room, text=f"{WORDS} in a text")
        tab.refused("post", room=room, text=WORDS, kind=WORDS)
        for bad in (f'{{"{WORDS}":1}}', WORDS, f'{{"action":"{WORDS}","id":"{WORDS}"}}'):
            tab.connection.send(bad)
            tab.next("error")
        for path in (f"/api/{WORDS}", f"/{WORDS}", f"/api/rooms?{WORDS}", f"/ws?ticket={WORDS}"):
            server.http("GET", path, token=ann.token, headers={"X-Words": WORDS})
        server.http("POST", "/api/session", {"nickname": WORDS, "and": WORDS})
        with pytest.raises(InvalidStatus):
            connect(url, **OPTIONS)
        server.http("GET", "/api/rooms", headers={"Host": WORDS, "Origin": WORDS})
        server.parley("events", room)
        server.stop()
        said = "\n".join(server.output)
        ticket = url.partition("ticket=")[2]
        for secret in (WORDS, ann.token, ticket):
            assert secret not in said
        assert not server.faults
        # Nor are they in the files: tokens and tickets are kept as hashes, words sealed.
        for file in (tmp_path / "data").iterdir():
            if file.is_file():
                content = file.read_bytes()
                for secret in (WORDS, ann.token, ticket):
                    assert secret.encode() not in content, file.name
