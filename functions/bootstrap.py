"""Composition root of the handlers: which `Chat` they call.

A runtime installs it once, before the first event: `local/bootstrap.py` on one machine, tests
with fakes.
"""

from domain.chat import Chat


class NotConfigured(RuntimeError):
    """A handler was called before a runtime installed its services."""


_installed: Chat | None = None


def use(chat: Chat | None) -> None:
    """Installs the use cases that handlers call; None takes them away."""
    global _installed
    _installed = chat


def chat() -> Chat:
    if _installed is None:
        raise NotConfigured("functions.bootstrap.use() was not called")
    return _installed
