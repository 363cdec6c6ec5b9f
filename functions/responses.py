"""Responses of the HTTP API in API Gateway's form (payload 2.0)."""

from typing import Any

import orjson

from functions.observing import Answer


def json(body: Any, status: int = 200) -> Answer:
    # The body already has the wire form (tests compare it with the models): validating each answer
    # again would double the time of a page.
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return {"statusCode": status, "headers": headers, "body": orjson.dumps(body).decode()}


def empty() -> Answer:
    return {"statusCode": 204, "headers": {}, "body": ""}


_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">\
<meta name="viewport" content="width=device-width"><title>Parley</title></head>\
<body><h1>Mail from Parley</h1>{}</body></html>"""


def page(content: str) -> Answer:
    """Returns one of the few HTML pages of the HTTP API: the pages that links in mail open."""
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-store",
        # The address contains the link's token.
        "Referrer-Policy": "no-referrer",
    }
    return {"statusCode": 200, "headers": headers, "body": _PAGE.format(content)}
