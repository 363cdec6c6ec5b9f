"""Routes by what they declare."""

from functions.http_api import router


def lists() -> list[str]:
    """Returns the paths that are answered from the views alone."""
    return [route.path for route in router.routes if route.of_views]
