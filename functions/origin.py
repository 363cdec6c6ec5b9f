"""Whether a request of the HTTP API came by CloudFront."""

from functions.bootstrap import chat
from functions.observing import Event

ORIGIN_SECRET = "x-origin-secret"  # noqa: S105 a header's name
"""Header that CloudFront adds, in place of what the viewer calls so (template.yaml)."""


def by_cloudfront(event: Event) -> bool:
    """Returns whether the request came by CloudFront, and so past its firewall; true where there
    is no CloudFront."""
    origin = chat().services.origin
    headers = event.get("headers") or {}
    return origin is None or origin.admits(headers.get(ORIGIN_SECRET, ""))
