"""What stands in logs for good (docs/events.md).

A test that fails here says that stored events would not be read as they were written. Bump the
class version, add an upcaster and a golden file of the old form; never change a golden file.
"""

import json
from pathlib import Path
from typing import Any, cast

import pytest
from eventsourcing.persistence import StoredEvent
from eventsourcing.utils import resolve_topic

from domain.aggregate import Event, event_fields
from domain.log import EVENT_CLASSES, SNAPSHOT_CLASSES, mapper
from domain.person.person import Person
from domain.room.room import Room

ENVELOPE = "originator_id originator_version at recorded_at by id digest"

PINNED = """
    room.created            1   name kind
    room.member-joined      1   user name role
    room.member-left        2   user reason
    room.member-renamed     1   user name
    room.role-changed       1   user role
    room.member-invited     1   user name role
    room.invitation-declined 1  user
    room.message-posted     2   text kind n reply_to notify
    room.message-edited     1   message text
    room.message-deleted    1   message
    room.reaction-added     1   message emoji
    room.reaction-removed   1   message emoji
    person.registered       1   name
    person.session-started  1   session
    person.session-ended    1   session
    person.read-marked      1   room version
    person.room-gained      1   room role room_version
    person.room-lost        1   room room_version
    person.room-offered     1   room role room_version
    person.offer-closed     1   room room_version
    person.notices-set      1   mail
    person.file-imported    1   room file
    person.erased           1
"""

SNAPSHOTS = """
room.snapshot 1 kind members invited asked gone n forgotten recent
person.snapshot 1 name sessions began marks rooms files offers declined mail erased forgotten recent
"""

TESTS = Path(__file__).parent.parent
GOLDEN = sorted((TESTS / "golden" / "events").glob("*.json"))


def table(text: str) -> dict[str, tuple[int, list[str]]]:
    rows = [line.split() for line in text.strip().splitlines()]
    return {topic: (int(version), names) for topic, version, *names in rows}


def test_topics_versions_and_fields_are_pinned() -> None:
    shared = ENVELOPE.split()
    for event_class in EVENT_CLASSES:
        assert event_fields(event_class)[: len(shared)] == shared
    found = {
        event_class.TOPIC: (event_class.class_version, event_fields(event_class)[len(shared) :])
        for event_class in EVENT_CLASSES
    }
    assert found == table(PINNED)


def test_topics_resolve_to_their_classes() -> None:
    kept: Any
    for kept in (*EVENT_CLASSES, *SNAPSHOT_CLASSES):
        assert resolve_topic(kept.TOPIC) is kept


def test_snapshots_are_pinned() -> None:
    aggregates: tuple[Any, ...] = (Room("lobby"), Person("u_ann"))
    found = {
        aggregate.snapshot_class.TOPIC: (
            aggregate.snapshot_class.class_version,
            list(aggregate.snapshot_state()),
        )
        for aggregate in aggregates
    }
    assert found == table(SNAPSHOTS)
    assert {kept.TOPIC for kept in SNAPSHOT_CLASSES} == set(found)


def test_the_documentation_has_the_same_table() -> None:
    told = (TESTS.parent / "docs" / "events.md").read_text()
    for topic, (version, names) in {**table(PINNED), **table(SNAPSHOTS)}.items():
        fields = f"`{', '.join(names)}`" if names else "none"
        assert f"| `{topic}` | {version} | {fields} |" in told


def golden(path: Path) -> dict[str, Any]:
    case: dict[str, Any] = json.loads(path.read_text())
    return case


def read(case: dict[str, Any]) -> Event:
    stored = case["stored"]
    return cast(
        Event,
        mapper.to_domain_event(
            StoredEvent(
                originator_id=stored["originator_id"],
                originator_version=stored["originator_version"],
                topic=stored["topic"],
                state=json.dumps(stored["state"]).encode(),
            )
        ),
    )


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_stored_event_is_read_as_it_was_meant(path: Path) -> None:
    case = golden(path)
    event = read(case)
    assert vars(event) == case["event"], case["about"]
    assert event == type(event)(**case["event"])
    assert event.wire() == case["wire"]


def is_of_this_version(case: dict[str, Any]) -> bool:
    stored = case["stored"]
    current = table(PINNED)[stored["topic"]][0]
    return bool(stored["state"].get("class_version", 1) == current)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_an_event_of_this_version_is_stored_as_the_golden_file_says(path: Path) -> None:
    case = golden(path)
    if is_of_this_version(case):
        stored = mapper.to_stored_event(read(case))
        assert json.loads(stored.state) == case["stored"]["state"]
        assert stored.topic == case["stored"]["topic"]


def test_every_version_of_every_event_has_a_golden_file() -> None:
    kept = {
        (stored["topic"], stored["state"].get("class_version", 1))
        for stored in (golden(path)["stored"] for path in GOLDEN)
    }
    written = {
        (event_class.TOPIC, version)
        for event_class in EVENT_CLASSES
        for version in range(1, event_class.class_version + 1)
    }
    assert kept == written


def test_golden_files_are_named_for_topic_and_version() -> None:
    for path in GOLDEN:
        stored = golden(path)["stored"]
        assert path.stem.startswith(
            f"{stored['topic']}.v{stored['state'].get('class_version', 1)}"
        ), path.name


def test_every_version_has_an_upcaster_to_the_next() -> None:
    for event_class in EVENT_CLASSES:
        for version in range(1, event_class.class_version):
            assert callable(getattr(event_class, f"upcast_v{version}_v{version + 1}"))
