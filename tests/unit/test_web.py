"""The local engine's HTTP application: what it does before and after the API's handler, and the
web app's files."""

import asyncio
import os
from pathlib import Path
from typing import Any

import orjson
import pytest
from starlette.datastructures import Headers

from domain.errors import RoomBusy
from functions.http_api import router
from local.web import MAX_BODY, Web
from tests.support.routes import lists


class Api:
    """Notes what the application asks of the engine, in order."""

    def __init__(self, folder: Path) -> None:
        self.done: list[str] = []
        self.busy = False
        self.late = False
        self.web = Web(
            self.call, folder, lambda host, origin: host == "localhost", self.fresh, dict, self.why
        )
        self.reasons: list[str] = []

    async def call(self, event: dict[str, Any]) -> dict[str, Any]:
        if self.busy:
            raise RoomBusy("too much to do")
        self.done.append(event["rawPath"])
        return {"statusCode": 200, "headers": {}, "body": "{}"}

    async def fresh(self, token: str | None) -> None:
        self.done.append(f"fresh for {token}")
        if self.late:
            raise RoomBusy("the rooms are being prepared; try again")

    async def why(self) -> list[str]:
        return self.reasons

    def file(self, path: str, accepts: str = "", **headers: str) -> tuple[int, Headers, bytes]:
        """Gets a file; `headers` have _ for -."""
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        given = {"host": "localhost", "accept-encoding": accepts, **headers}
        raw = [(name.replace("_", "-").encode(), text.encode()) for name, text in given.items()]
        scope = {
            "type": "http", "method": "GET", "path": path, "query_string": b"",
            "headers": raw, "client": ("127.0.0.1", 1), "asgi": {"spec_version": "2.4"},
        }  # fmt: skip
        asyncio.run(self.web(scope, receive, send))
        body = b"".join(one.get("body", b"") for one in sent[1:])
        return sent[0]["status"], Headers(raw=sent[0]["headers"]), body

    def ask(
        self, path: str, body: bytes = b"", host: str = "localhost", method: str = "POST"
    ) -> tuple[int, Any]:
        sent: list[dict[str, Any]] = []
        half = len(body) // 2
        parts = iter([(body[:half], True), (body[half:], False)])

        async def receive() -> dict[str, Any]:
            part, more = next(parts)
            return {"type": "http.request", "body": part, "more_body": more}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        headers = [(b"host", host.encode()), (b"authorization", b"Bearer t0ken")]
        scope = {
            "type": "http", "method": method, "path": path, "query_string": b"",
            "headers": headers, "client": ("127.0.0.1", 1),
        }  # fmt: skip
        asyncio.run(self.web(scope, receive, send))
        return sent[0]["status"], orjson.loads(b"".join(one.get("body", b"") for one in sent[1:]))


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return Api(tmp_path)


@pytest.mark.parametrize("path", lists())
def test_lists_show_what_was_acknowledged_before(api: Api, path: str) -> None:
    assert api.ask(path, method="GET") == (200, {})
    assert api.done == ["fresh for t0ken", path]


@pytest.mark.parametrize("path", lists())
def test_lists_that_would_lack_rooms_are_refused(api: Api, path: str) -> None:
    api.late = True
    status, answer = api.ask(path, method="GET")
    assert (status, answer["error"]["code"]) == (503, "room_busy")
    assert api.done == ["fresh for t0ken"]


@pytest.mark.parametrize("path", lists())
def test_what_is_no_list_waits_for_no_view(api: Api, path: str) -> None:
    api.ask(path, method="POST")
    assert api.done == [path]


def test_the_lists_are_the_routes_that_declare_it(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lists() == ["/api/people", "/api/rooms", "/api/directory"]
    monkeypatch.setattr(router, "routes", [])
    router.on("GET", "/api/rooms/{room}/polls", of_views=True)(lambda request: {})
    router.on("GET", "/api/rooms/{room}/votes")(lambda request: {})
    api.ask("/api/rooms/lobby/polls", method="GET")
    api.ask("/api/rooms/lobby/votes", method="GET")
    polls, votes = "/api/rooms/lobby/polls", "/api/rooms/lobby/votes"
    assert api.done == ["fresh for t0ken", polls, votes]


def test_what_is_read_from_the_log_waits_for_no_view(api: Api) -> None:
    api.ask("/api/rooms/lobby/messages")
    assert api.done == ["/api/rooms/lobby/messages"]


@pytest.mark.parametrize(("size", "status"), [(MAX_BODY, 200), (MAX_BODY + 1, 413)])
def test_a_body_has_a_bound_in_however_many_parts_it_comes(
    api: Api, size: int, status: int
) -> None:
    assert api.ask("/api/session", b"x" * size)[0] == status
    assert api.done == ["/api/session"] * (status == 200)


def test_another_host_is_not_answered(api: Api) -> None:
    status, answer = api.ask("/api/rooms", host="elsewhere")
    assert (status, answer["error"]["code"]) == (403, "forbidden")
    assert api.done == []


def test_a_call_for_which_there_is_no_place_is_refused(api: Api) -> None:
    api.busy = True
    status, answer = api.ask("/api/session")
    assert (status, answer["error"]["code"]) == (RoomBusy.status, "room_busy")


def test_a_process_that_is_not_ready_is_alive(api: Api) -> None:
    api.reasons = ["the disk does not answer"]
    assert api.ask("/healthz") == (200, {"status": "ok"})
    assert api.ask("/readyz") == (503, {"status": "unready", "reasons": api.reasons})
    api.reasons = []
    assert api.ask("/readyz") == (200, {"status": "ready"})


@pytest.fixture
def built(tmp_path: Path) -> Api:
    files = {
        "index.html": "page", "index.html.br": "br page", "index.html.gz": "gz page",
        "assets/app-1.js": "code", "assets/app-1.js.br": "br code", "assets/app-1.js.gz": "gz code",
        "config.json": "{}", "favicon.svg": "<svg/>",
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return Api(tmp_path)


@pytest.mark.parametrize(
    ("accepts", "coding", "body"),
    [
        ("gzip, deflate, br, zstd", "br", b"br code"),
        ("gzip, deflate", "gzip", b"gz code"),
        ("*", "br", b"br code"),
        ("br;q=0, gzip", "gzip", b"gz code"),
        ("br;q=0.1, gzip;q=0.9", "gzip", b"gz code"),
        ("BR ; q=1.0", "br", b"br code"),
        ("br;q=none", None, b"code"),
        ("identity, gzip;q=0.5", None, b"code"),
        ("identity", None, b"code"),
        ("deflate", None, b"code"),
        ("", None, b"code"),
    ],
)
def test_a_file_comes_in_the_form_that_the_browser_prefers(
    built: Api, accepts: str, coding: str | None, body: bytes
) -> None:
    status, headers, found = built.file("/assets/app-1.js", accepts)
    assert (status, headers.get("content-encoding"), found) == (200, coding, body)
    assert headers["vary"] == "Accept-Encoding"
    assert headers["content-type"].startswith(("text/javascript", "application/javascript"))
    assert headers["content-length"] == str(len(body))
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert headers["content-security-policy"].startswith("default-src 'self'")


@pytest.mark.parametrize("path", ["/", "/index.html", "/config.json", "/favicon.svg"])
def test_what_keeps_its_name_is_asked_for_again(built: Api, path: str) -> None:
    assert built.file(path, "br")[1]["cache-control"] == "no-cache"


def test_a_page_comes_in_its_form_too(built: Api) -> None:
    assert built.file("/", "br, gzip")[2] == b"br page"
    status, headers, body = built.file("/config.json", "br, gzip")
    assert (status, body, "content-encoding" in headers, "vary" in headers) == (
        200, b"{}", False, False,
    )  # fmt: skip


def test_a_form_that_is_held_already_is_not_sent_again(built: Api) -> None:
    _, held, _ = built.file("/", "br")
    status, headers, body = built.file("/", "br", if_none_match=held["etag"])
    assert (status, body, headers["vary"]) == (304, b"", "Accept-Encoding")
    # Another form is another thing.
    assert built.file("/", "gzip", if_none_match=held["etag"])[0] == 200
    assert built.file("/", "", if_none_match=held["etag"])[0] == 200


def test_a_file_that_was_changed_after_the_build_is_sent_as_it_is(
    built: Api, tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text("changed")
    later = (tmp_path / "index.html.br").stat().st_mtime + 5
    os.utime(tmp_path / "index.html", (later, later))
    assert built.file("/", "br, gzip")[2] == b"changed"


def test_forms_are_no_files_of_their_own(built: Api) -> None:
    assert built.file("/assets/app-1.js.br")[0] == 404
    assert built.file("/assets/../assets/app-1.js.gz")[0] == 404
