"""The log as rows of an archive (docs/archive.md explains the columns).

Column names are a STORAGE FORMAT, like the fields of events.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from eventsourcing.persistence import StoredEvent

TOLD = ("at", "recorded_at", "by", "id", "digest")
"""Fields of an event's state that have their own column."""


def row(stored: StoredEvent) -> dict[str, Any]:
    """Returns the row of a stored event.

    If a state cannot be read, the columns derived from it are null; `state` has it unchanged.
    """
    text = stored.state.decode("utf-8", "replace")
    try:
        state = orjson.loads(stored.state)
    except ValueError:
        state = None
    if not isinstance(state, dict):
        state = {"class_version": None}
    # A value of a wrong type would fail the whole Parquet record.
    told = {name: _text(state.get(name)) for name in TOLD}
    version = state.get("class_version", 1)
    return {
        "log": stored.originator_id,
        "version": stored.originator_version,
        "topic": stored.topic,
        "class_version": version if type(version) is int else None,
        **told,
        "day": (told["recorded_at"] or "")[:10] or None,
        "state": text,
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def document(stored: StoredEvent) -> bytes:
    """Returns the row as a line of JSON."""
    return orjson.dumps(row(stored)) + b"\n"


def packed(documents: Sequence[bytes], limit: int) -> Iterator[range]:
    """Splits documents into runs of at most `limit` bytes, a larger one alone; yields the positions
    of each run."""
    start, size = 0, 0
    for place, one in enumerate(documents):
        if size + len(one) > limit and place > start:
            yield range(start, place)
            start, size = place, 0
        size += len(one)
    if start < len(documents):
        yield range(start, len(documents))
