"""Composition root of the functions on AWS: adapters over botocore, wired at cold start.

A function gets the ports that its settings name. Every other port is a stand-in that raises an
error when it is used.
"""

import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import botocore.session

from domain.chat import Chat, Services
from functions import correlation
from functions.parts import Parts
from functions.settings import INVALID, SETTINGS, NotConfigured, optional, read

GATHERING = 0.25
"""Seconds between two pushes to a room: messages of this time are sent in one frame. A push costs a
frame for each connection, which is most of the cost of a room with several messages a second."""

OCCASIONAL: Mapping[str, str] = {
    "ORIGIN_SECRET_ARN": "adapters.origin.secrets",
    "TRACING": "functions.tracing",
}
"""Modules that only functions with a certain setting load, by that setting (docs/adr/0018). The
module's `install`, if it has one, is called after the module is loaded."""


def _handlers() -> list[str]:
    """Returns the names of the handlers that this process loaded."""
    return [name for name in SETTINGS if f"functions.{name}" in sys.modules]


def running() -> str:
    """Returns the name of this process's function: the one handler that it loaded."""
    loaded = _handlers()
    if len(loaded) != 1:
        raise NotConfigured(f"one handler makes a function, {len(loaded)} are loaded")
    return loaded[0]


def compose_running() -> Chat:
    """Returns the use cases of this process's function."""
    return compose(running(), os.environ)


def start(environment: Mapping[str, str]) -> None:
    """Does all setup that is needed before the first event, and imports the modules that the
    settings of this process's function require. A function has a whole core while it starts; its
    first event may have less."""
    with suppress(*INVALID):
        correlation.log_every_step(optional("LOG_STEPS", environment))
    for function in _handlers():
        for setting, module in OCCASIONAL.items():
            # An invalid value is reported where all settings are read.
            with suppress(*INVALID):
                if setting in SETTINGS[function] and optional(setting, environment):
                    install = getattr(import_module(module), "install", None)
                    if install is not None:
                        install()


def compose(function: str, environment: Mapping[str, str], session: Any = None) -> Chat:
    """Returns the use cases of a function.

    Parameters
    ----------
    environment: has the function's settings.
    session: botocore's session; by default one with the environment's credentials.
    """
    settings = read(function, environment)
    days = settings.get("RETENTION_DAYS", 0)
    deployed = environment.get("AWS_LAMBDA_FUNCTION_NAME", function)
    parts = Parts(function, deployed, settings, session or botocore.session.get_session())
    return Chat(
        Services(
            log=parts.port("log", "EVENTS_TABLE"),
            executor=parts.port("executor", "EVENTS_TABLE", "FAST_PUBLISH"),
            views=parts.port("views", "VIEWS_TABLE"),
            progress=parts.port("progress", "PROGRESS_TABLE"),
            vault=parts.port("vault", "KEYS_TABLE", "VAULT_KEY"),
            accounts=parts.port("accounts", "ACCOUNTS_TABLE"),
            connections=parts.port("connections", "CONNECTIONS_TABLE"),
            gateway=parts.port("gateway", "SOCKET_ENDPOINT"),
            background=parts.port("background", "PRESENCE_QUEUE_URL"),
            cursors=parts.port("cursors", "PROGRESS_TABLE"),
            shards=parts.shards if parts.has("DELIVERY_QUEUE_URL") else None,
            topic=parts.topic if function == "relay_events" else None,
            origin=parts.origin if settings.get("ORIGIN_SECRET_ARN") else None,
            retention=parts.retention if days else None,
            retention_days=days,
            archive=parts.archive if parts.has("ARCHIVE_STREAM") else None,
            once=parts.once if parts.has("NOTIFICATIONS_TOPIC") else None,
            notifiers=parts.notifiers if parts.has("NOTIFICATIONS_TOPIC") else (),
            origins=settings.get("ALLOWED_ORIGINS", frozenset()),
            guests=settings.get("GUESTS", True),
            socket_url=settings.get("SOCKET_URL"),
            limiter=parts.port("limiter", "ACCOUNTS_TABLE"),
            metrics=parts.metrics,
            gathering=GATHERING,
            now=utc_now,
            seconds=time.time,
        )
    )


def utc_now() -> str:
    """Returns the time in the form that events use."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
