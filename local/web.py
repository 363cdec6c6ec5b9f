"""HTTP: the API's handler and the web app's files, as an ASGI application."""

import asyncio
import mimetypes
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response

from domain.errors import ParleyError
from functions.bearer import bearer
from functions.http_api import router
from local import payloads
from local.files import Files

MAX_BODY = 64 * 1024
"""Bytes of a request's body."""

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[Any], Awaitable[None]]


async def preload() -> None:
    """Loads what the first requested file would load, about 60 ms of the event loop: the types of
    files, and the modules that starlette imports when it sends one."""

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(_: Any) -> None:
        pass

    await run_in_threadpool(mimetypes.init)
    scope: Scope = {"type": "http", "method": "GET", "headers": []}
    await FileResponse(__file__)(scope, receive, send)


class Web:
    """The ASGI application.

    Parameters
    ----------
    api: calls the HTTP API's Lambda handler with an event, on a thread that may block.
    allowed: returns whether a request's Host and Origin are allowed.
    fresh: waits, for the holder of a session's token, until lists show everything that was
        acknowledged; raises RoomBusy if this takes too long.
    status: figures of the running engine for /healthz.
    unready: returns the reasons why the engine is not ready, for /readyz; empty if it is ready.
    """

    def __init__(
        self,
        api: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]],
        files: Path,
        allowed: Callable[[str, str | None], bool],
        fresh: Callable[[str | None], Awaitable[None]],
        status: Callable[[], dict[str, Any]],
        unready: Callable[[], Awaitable[list[str]]],
    ) -> None:
        self._api = api
        self._files = Files(files)
        self._built = (files / "index.html").exists()
        self._allowed = allowed
        self._fresh = fresh
        self._status = status
        self._unready = unready

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        response = await self._answer(scope, receive, headers)
        response.headers.update(SECURITY_HEADERS)
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, headers: dict[str, str]) -> Response:
        if not self._allowed(headers.get("host", ""), headers.get("origin")):
            return _problem(403, "forbidden", "this Host or Origin is not served here")
        path: str = scope["path"]
        if path == "/healthz":
            return _json({"status": "ok", **self._status()})
        if path == "/readyz":
            return await self._readiness()
        if path.startswith("/api/"):
            return await self._call(scope, receive, headers)
        return await self._file(scope, path)

    async def _readiness(self) -> Response:
        reasons = await self._unready()
        if reasons:
            return _json({"status": "unready", "reasons": reasons}, 503)
        return _json({"status": "ready"})

    async def _call(self, scope: Scope, receive: Receive, headers: dict[str, str]) -> Response:
        body = await _body(receive)
        if body is None:
            return _problem(413, "too_large", "the body is too long")
        try:
            text = body.decode()
        except UnicodeDecodeError:
            return _problem(422, "invalid", "the body is not UTF-8")
        event = payloads.http_event(
            scope["method"],
            scope["path"],
            scope["query_string"].decode("latin-1"),
            headers,
            text,
            (scope.get("client") or ("",))[0],
        )
        try:
            if router.answers_from_views(scope["method"], scope["path"]):
                await self._fresh(bearer(headers.get("authorization")))
            answer = await self._api(event)
        except ParleyError as refusal:
            return _problem(refusal.status, refusal.code, refusal.message)
        return Response(answer["body"], answer["statusCode"], answer["headers"])

    async def _file(self, scope: Scope, path: str) -> Response:
        if not self._built:
            return Response("The web app is not built: make run builds it.\n", 503)
        try:
            response = await self._files.get_response(path.lstrip("/") or "index.html", scope)
        except HTTPException as error:
            return Response(f"{error.detail}\n", error.status_code)
        # Vite names assets by their content; everything else is requested again.
        hashed = path.startswith("/assets/")
        response.headers["Cache-Control"] = (
            "public, max-age=31536000, immutable" if hashed else "no-cache"
        )
        return response


async def _body(receive: Receive) -> bytes | None:
    """Returns the body, None if it is larger than MAX_BODY."""
    body = b""
    while True:
        message = await receive()
        body += cast(bytes, message.get("body", b""))
        if len(body) > MAX_BODY:
            return None
        if not message.get("more_body"):
            return body


def _json(value: dict[str, Any], status: int = 200) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(value), status, headers, media_type="application/json")


def _problem(status: int, code: str, message: str) -> Response:
    return _json({"error": {"code": code, "message": message}}, status)
