"""The local engine's HTTP application: what it does before and after the API's handler."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from domain.errors import RoomBusy
from local.web import LISTS, MAX_BODY, Web


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


@pytest.mark.parametrize("path", LISTS)
def test_lists_show_what_was_acknowledged_before(api: Api, path: str) -> None:
    assert api.ask(path, method="GET") == (200, {})
    assert api.done == ["fresh for t0ken", path]


@pytest.mark.parametrize("path", LISTS)
def test_lists_that_would_lack_rooms_are_refused(api: Api, path: str) -> None:
    api.late = True
    status, answer = api.ask(path, method="GET")
    assert (status, answer["error"]["code"]) == (503, "room_busy")
    assert api.done == ["fresh for t0ken"]


@pytest.mark.parametrize("path", LISTS)
def test_what_is_no_list_waits_for_no_view(api: Api, path: str) -> None:
    api.ask(path, method="POST")
    assert api.done == [path]


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
