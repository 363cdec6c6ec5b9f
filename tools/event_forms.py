"""Writes files from the classes of events: the tables of docs/events.md, and a golden file for an
event that has none (part of `make types`).

A golden file is written once and never changed; edit `about` and the sample's values before the
first commit if they matter.
"""

import json
import sys
from pathlib import Path
from typing import Any

from eventsourcing.persistence import StoredEvent

from domain.aggregate import Event, event_fields
from domain.log import EVENT_CLASSES, SNAPSHOT_CLASSES, empty, mapper
from domain.protocol.types import Sealed, stored

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "tests" / "golden" / "events"
DOCUMENT = ROOT / "docs" / "events.md"

SAMPLE: dict[str, Any] = {
    "originator_version": 3,
    "at": "2026-01-02T03:04:05.000006+00:00",
    "recorded_at": "2026-01-02T03:04:05.000007+00:00",
    "by": "u_ann",
    "id": "c-1",
    "digest": "0123456789abcdef",
}
_SEALED = {"k": "u_ann", "c": "AAAA"}
VALUES: dict[Any, Any] = {
    int: 2, bool: True, str: "lobby", Sealed: _SEALED, Sealed | None: _SEALED
}  # fmt: skip
"""Values of a sample's own fields, by type."""


def own_fields(event: type[Event]) -> list[str]:
    """Returns the stored fields of an event, without those that every event has."""
    return event_fields(event)[len(event_fields(Event)) :]


def _row(topic: str, version: int, names: list[str]) -> str:
    fields = f"`{', '.join(names)}`" if names else "none"
    return f"| `{topic}` | {version} | {fields} |"


def tables() -> dict[str, list[str]]:
    """Returns the rows of docs/events.md by the name of their table."""
    found: dict[str, list[str]] = {"room": [], "person": [], "snapshot": []}
    for event in EVENT_CLASSES:
        kind = event.TOPIC.partition(".")[0]
        found[kind].append(_row(event.TOPIC, event.class_version, own_fields(event)))
    for snapshot, log_id in zip(SNAPSHOT_CLASSES, ("lobby", "u_ann"), strict=True):
        aggregate: Any = empty(log_id)
        state = list(aggregate.snapshot_state())
        found["snapshot"].append(_row(snapshot.TOPIC, snapshot.class_version, state))
    return found


def document(text: str) -> str:
    """Returns docs/events.md with tables from the classes."""
    for name, rows in tables().items():
        begin, end = f"<!-- {name}: made by make types -->\n", f"<!-- end of {name} -->"
        before, found, rest = text.partition(begin)
        table, closed, after = rest.partition(end)
        if not found or not closed:
            raise SystemExit(f"docs/events.md has no table {name}")
        heading = "".join(table.splitlines(keepends=True)[:2])
        made = "".join(f"{row}\n" for row in rows)
        text = before + begin + heading + made + end + after
    return text


def sample(event: type[Event]) -> Event:
    """Returns an event with a value for every field."""
    own = {name: VALUES[stored(event.__annotations__[name])] for name in own_fields(event)}
    stream = "lobby" if event.TOPIC.startswith("room.") else "u_ann"
    return event(originator_id=stream, **SAMPLE, **own)


def golden(event: type[Event]) -> dict[str, Any]:
    """Returns the content of an event's golden file."""
    made = sample(event)
    kept: StoredEvent = mapper.to_stored_event(made)
    return {
        "about": f"{event.__name__}, version {event.class_version}",
        "stored": {
            "originator_id": kept.originator_id,
            "originator_version": kept.originator_version,
            "topic": kept.topic,
            "state": json.loads(kept.state),
        },
        "event": vars(made),
        "wire": made.wire(),
    }


def missing() -> dict[Path, type[Event]]:
    """Returns the missing golden files."""
    wanted = {f"{event.TOPIC}.v{event.class_version}": event for event in EVENT_CLASSES}
    return {
        GOLDEN / f"{name}.json": event
        for name, event in wanted.items()
        if not any(GOLDEN.glob(f"{name}.json")) and not any(GOLDEN.glob(f"{name}-*.json"))
    }


def main() -> int:
    """With `--check` it writes nothing and prints stale files."""
    text = DOCUMENT.read_text()
    made, absent = document(text), missing()
    if "--check" in sys.argv:
        stale = [str(path.relative_to(ROOT)) for path in absent]
        stale += [str(DOCUMENT.relative_to(ROOT))] if made != text else []
        if stale:
            print("stale, run `make types`:", *stale, sep="\n  ", file=sys.stderr)
        return 1 if stale else 0
    DOCUMENT.write_text(made)
    for path, event in absent.items():
        path.write_text(json.dumps(golden(event), indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
