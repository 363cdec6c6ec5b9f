"""Settings of the functions on AWS: which settings each function has, and how they are read from
the environment.

Every name is an environment variable of template.yaml; docs/aws.md lists them. These are plain
tables and not pydantic models: most functions need nothing else from pydantic, and its import would
be a third of their cold start (docs/performance.md).
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Settings = Mapping[str, Any]
"""A function's settings by name, each of its type."""


class NotConfigured(RuntimeError):
    """A setting is missing or malformed; the message names the variables, not the values."""


def _names(value: str) -> frozenset[str]:
    """`a, b` to a set of names."""
    return frozenset(name.strip() for name in value.split(",") if name.strip())


def _switch(value: str) -> bool:
    return {"true": True, "false": False}[value.strip().lower()]


def _days(value: str) -> int:
    days = int(value)
    if days < 0:
        raise ValueError
    return days


class Default(NamedTuple):
    """Default of each optional setting, and the parser of a given value."""

    value: Any
    read: Callable[[str], Any] = str


OPTIONAL: Mapping[str, Default] = {
    "METRICS_NAMESPACE": Default("Parley"),
    # Whether each step of each command is logged, not only faults.
    "LOG_STEPS": Default(False, _switch),
    # Whether X-Ray traces the functions (`Tracing` of the template).
    "TRACING": Default(False, {"Active": True, "PassThrough": False}.__getitem__),
    # Origins that may open a WebSocket; any if none is named.
    "ALLOWED_ORIGINS": Default(frozenset(), _names),
    # Whether events are also published right after the acknowledgement; the stream's relay always
    # publishes them.
    "FAST_PUBLISH": Default(True, _switch),
    "GUESTS": Default(True, _switch),
    # ARN of the secret that CloudFront adds to each request; if empty, requests from anywhere are
    # accepted.
    "ORIGIN_SECRET_ARN": Default(""),
    "SENDER": Default(""),
    "WEB_URL": Default(""),
    # Days after which an event's content is replaced by a mark; 0 keeps it forever.
    "RETENTION_DAYS": Default(0, _days),
}
"""All other settings are required non-empty text."""

_EVERY = ("METRICS_NAMESPACE", "LOG_STEPS", "TRACING")
_LOG = ("EVENTS_TABLE", "SNAPSHOTS_TABLE")
_SEALING = ("KEYS_TABLE", "VAULT_KEY")
_PUBLISHING = ("TOPIC_ARN", "FAST_PUBLISH")

SETTINGS: Mapping[str, frozenset[str]] = {
    function: frozenset((*_EVERY, *names))
    for function, names in {
        "authorize": ("ACCOUNTS_TABLE", "ALLOWED_ORIGINS", "ORIGIN_SECRET_ARN"),
        "socket_connect": (*_LOG, "CONNECTIONS_TABLE"),
        "socket_message": (
            *_LOG, *_SEALING, *_PUBLISHING, "VIEWS_TABLE", "ACCOUNTS_TABLE", "CONNECTIONS_TABLE",
            "SOCKET_ENDPOINT", "PRESENCE_QUEUE_URL",
        ),
        "socket_disconnect": ("CONNECTIONS_TABLE", "PRESENCE_QUEUE_URL"),
        "http_api": (
            *_LOG, *_SEALING, *_PUBLISHING, "VIEWS_TABLE", "ACCOUNTS_TABLE", "SOCKET_URL", "GUESTS",
            "ORIGIN_SECRET_ARN",
        ),
        "relay_events": ("TOPIC_ARN",),
        "archive_events": ("ARCHIVE_STREAM",),
        "project_views": ("EVENTS_TABLE", *_SEALING, "VIEWS_TABLE", "PROGRESS_TABLE"),
        "track_memberships": (*_LOG, *_PUBLISHING, "PROGRESS_TABLE", "ACCOUNTS_TABLE"),
        "deliver": (
            *_LOG, *_SEALING, "VIEWS_TABLE", "PROGRESS_TABLE", "CONNECTIONS_TABLE",
            "SOCKET_ENDPOINT", "PRESENCE_QUEUE_URL", "DELIVERY_QUEUE_URL",
        ),
        "notify_users": (
            *_LOG, *_SEALING, "VIEWS_TABLE", "PROGRESS_TABLE", "ACCOUNTS_TABLE",
            "CONNECTIONS_TABLE", "NOTIFICATIONS_TOPIC", "SENDER", "WEB_URL",
        ),
        "settle_presence": ("CONNECTIONS_TABLE", "SOCKET_ENDPOINT"),
        "sweep": (
            "EVENTS_TABLE", "VIEWS_TABLE", "PROGRESS_TABLE", "ACCOUNTS_TABLE", "CONNECTIONS_TABLE",
            "PRESENCE_QUEUE_URL", "RETENTION_DAYS",
        ),
    }.items()
}  # fmt: skip
"""The settings of each function. A function does not use a setting that is missing here."""


def required(function: str) -> frozenset[str]:
    """Returns the required settings of a function."""
    return SETTINGS[function] - OPTIONAL.keys()


INVALID = (ValueError, KeyError)
"""Exceptions that a parser raises for a malformed value."""


def optional(name: str, environment: Mapping[str, str]) -> Any:
    """Returns the value of a setting of OPTIONAL. Raises one of INVALID."""
    given = environment.get(name)
    setting = OPTIONAL[name]
    return setting.value if given is None else setting.read(given)


def read(function: str, environment: Mapping[str, str]) -> Settings:
    """Returns a function's settings. Raises NotConfigured."""
    settings: dict[str, Any] = {}
    wrong = []
    for name in sorted(SETTINGS[function]):
        try:
            if name in OPTIONAL:
                settings[name] = optional(name, environment)
            elif environment.get(name):
                settings[name] = environment[name]
            else:
                wrong.append(name)
        except INVALID:
            wrong.append(name)
    if wrong:
        raise NotConfigured(f"{function}: {', '.join(wrong)}: missing or invalid")
    return settings
