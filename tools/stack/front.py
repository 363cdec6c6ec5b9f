"""Serves the web app and passes /api on to API Gateway, like CloudFront on AWS."""

from pathlib import Path
from typing import Any

import orjson
import urllib3
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

HOP_BY_HOP = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}


def front(files: Path, api: str, hosted: str, config: dict[str, Any]) -> Starlette:
    """Returns the application.

    Parameters
    ----------
    files: the built web app.
    api: the HTTP API's address, without a slash at its end.
    hosted: address of the user pool's hosted pages; here they are pages of the same origin.
    config: content of config.json.
    """
    pool = urllib3.PoolManager(maxsize=16, retries=False, timeout=30.0)

    def passed_on(request: Request, to: str) -> Response:
        url = f"{to}{request.url.path}"
        if request.url.query:
            url += f"?{request.url.query}"
        headers = {k: v for k, v in request.headers.items() if k not in HOP_BY_HOP}
        answer = pool.request(
            request.method, url, body=request.state.body, headers=headers, redirect=False
        )
        kept = {k: v for k, v in answer.headers.items() if k.lower() not in HOP_BY_HOP}
        return Response(answer.data, answer.status, kept)

    async def api_call(request: Request) -> Response:
        request.state.body = await request.body()
        return await run_in_threadpool(passed_on, request, api)

    async def hosted_page(request: Request) -> Response:
        request.state.body = await request.body()
        return await run_in_threadpool(passed_on, request, hosted)

    async def config_json(_: Request) -> Response:
        return Response(
            orjson.dumps(config),
            media_type="application/json",
            headers={"Cache-Control": "no-cache"},
        )

    async def page(request: Request) -> Response:
        file = files / request.path_params["path"]
        inside = file.resolve().is_relative_to(files.resolve()) and file.is_file()
        return FileResponse(file if inside else files / "index.html")

    methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]
    return Starlette(
        routes=[
            Route("/config.json", config_json),
            Route("/api/{rest:path}", api_call, methods=methods),
            Route("/healthz", api_call),
            Route("/readyz", api_call),
            Route("/oauth2/{rest:path}", hosted_page, methods=methods),
            Route("/login", hosted_page, methods=methods),
            Route("/logout", hosted_page, methods=methods),
            Route("/{path:path}", page),
        ]
    )
