"""Checks whether a request of the HTTP API came through CloudFront."""

from functions.bootstrap import chat
from functions.observing import Event

ORIGIN_SECRET = "x-origin-secret"  # noqa: S105 a header's name
"""Header that CloudFront adds; it replaces any header of this name from the viewer
(template.yaml)."""


def by_cloudfront(event: Event) -> bool:
    """Returns whether the request came through CloudFront and its firewall; true if there is no
    CloudFront."""
    origin = chat().services.origin
    headers = event.get("headers") or {}
    return origin is None or origin.admits(headers.get(ORIGIN_SECRET, ""))
