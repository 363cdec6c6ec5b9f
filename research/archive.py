"""Reads the archive back: turns rows of a log into the stored events from which they were made.

Rows are JSON lines (written by Athena's UNLOAD, or sent to Firehose), or mappings from any reader
of Parquet. docs/archive.md says how to get them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import orjson
from eventsourcing.persistence import AggregateRecorder, StoredEvent

CHUNK = 100
"""Events that a restore inserts at a time: the limit of one transaction of DynamoDB."""

Row = Mapping[str, Any]


class Differs(ValueError):
    """Two rows of one event differ."""


def lines(files: Iterable[bytes]) -> Iterator[Row]:
    """Yields the rows of JSON documents, one per line."""
    for content in files:
        for line in content.splitlines():
            if line.strip():
                yield orjson.loads(line)


def stored_events(rows: Iterable[Row]) -> list[StoredEvent]:
    """Returns the events of rows in any order, each once, by log and version.

    Raises
    ------
    Differs: two rows have the same log and version but are not the same event.
    """
    found: dict[tuple[str, int], StoredEvent] = {}
    for row in rows:
        event = StoredEvent(row["log"], int(row["version"]), row["topic"], row["state"].encode())
        place = (row["log"], int(row["version"]))
        if found.setdefault(place, event) != event:
            raise Differs(f"{place[0]}:{place[1]}")
    return [found[place] for place in sorted(found)]


def gaps(events: Sequence[StoredEvent]) -> dict[str, list[int]]:
    """Returns, by log, the missing versions up to its last one; takes the result of
    `stored_events`."""
    missing: dict[str, list[int]] = {}
    for log, run in groupby(events, lambda event: str(event.originator_id)):
        versions = [event.originator_version for event in run]
        lost = sorted({*range(1, versions[-1] + 1)} - {*versions})
        if lost:
            missing[log] = lost
    return missing


def restore(events: Sequence[StoredEvent], recorder: AggregateRecorder) -> None:
    """Writes events unchanged into empty logs.

    Raises
    ------
    ValueError: the events have gaps; nothing is written.
    eventsourcing.persistence.IntegrityError: a log is not empty.
    """
    missing = gaps(events)
    if missing:
        raise ValueError(f"versions are missing of {len(missing)} logs")
    for _, run in groupby(events, lambda event: event.originator_id):
        log = list(run)
        for start in range(0, len(log), CHUNK):
            recorder.insert_events(log[start : start + CHUNK])
