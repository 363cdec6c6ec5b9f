"""The correlation id in log records: the id of the command, which its events carry.

Clients choose the ids of their commands. `fit` accepts ids for log records: printable ASCII of
limited length, so that an id can contain neither a text nor a line of its own.
"""

from typing import Any

import orjson

MAX_ID = 160
"""Characters of an id in a log record: a client's id has at most 64; Parley's own ids consist of a
room and a version."""


def fit(id: Any) -> str | None:
    """Returns an id that may be logged; None for anything else."""
    if isinstance(id, str) and 0 < len(id) <= MAX_ID and id.isascii() and id.isprintable():
        return id
    return None


def of_state(state: bytes | str) -> str | None:
    """Returns the id of the command that caused a stored event; None if it cannot be read."""
    try:
        return fit(orjson.loads(state).get("id"))
    except (ValueError, AttributeError):
        return None


def of_envelope(envelope: bytes | str) -> dict[str, Any]:
    """Returns the fields of log records about an event's envelope: `stream`, `version` and
    `correlation_id`, without unreadable ones."""
    try:
        body = orjson.loads(envelope)
        stream, version, state = body["stream"], body["version"], body["state"]
    except (ValueError, KeyError, TypeError):
        return {}
    if fit(stream) is None or type(version) is not int:
        return {}
    command = fit(state.get("id")) if isinstance(state, dict) else None
    found = {"stream": stream, "version": version}
    return found if command is None else {**found, "correlation_id": command}
