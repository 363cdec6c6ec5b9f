"""Composition root of the handlers: which `Chat` they call.

A runtime installs it once, before the first event: `local/bootstrap.py` on one machine, tests with
fakes. On Lambda it is not installed: the first call composes it from the environment
(functions/aws.py).
"""

import gc
import os

from domain.chat import Chat
from functions.settings import NotConfigured

__all__ = ["NotConfigured", "chat", "use"]

_installed: Chat | None = None

if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # A function has a whole core while its modules load, and a part of one for its first event. So
    # the modules that this event needs are loaded here too.
    import functions.aws

    functions.aws.start(os.environ)
    gc.freeze()
    gc.enable()


def use(chat: Chat | None) -> None:
    """Installs the use cases that handlers call; None removes them."""
    global _installed
    _installed = chat


def chat() -> Chat:
    """Returns the use cases.

    Raises
    ------
    NotConfigured: none were installed, and the environment names none.
    """
    if _installed is None:
        # Imported here: one machine has no boto3.
        from functions import aws

        use(aws.compose_running())
    assert _installed is not None
    return _installed


def flush() -> None:
    """Prints what was counted since the last call."""
    if _installed is not None:
        _installed.services.metrics.flush()
