"""Responses of the HTTP API in API Gateway's form (payload 2.0)."""

from typing import Any

import orjson

from functions.observing import Answer


def json(body: Any, status: int = 200) -> Answer:
    # The body is in the wire's form already (tests compare it with the models): validating each
    # answer again would double a page's time.
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return {"statusCode": status, "headers": headers, "body": orjson.dumps(body).decode()}


def empty() -> Answer:
    return {"statusCode": 204, "headers": {}, "body": ""}


_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">\
<meta name="viewport" content="width=device-width"><title>Parley</title></head>\
<body><h1>Mail from Parley</h1>{}</body></html>"""


def page(content: str) -> Answer:
    """Returns one of the few HTML pages that the HTTP API has: those that links in mail open."""
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-store",
        # The address has the link's token in it.
        "Referrer-Policy": "no-referrer",
    }
    return {"statusCode": 200, "headers": headers, "body": _PAGE.format(content)}
