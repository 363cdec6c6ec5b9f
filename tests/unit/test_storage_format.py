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
from domain.chat.unsealing import open_event
from domain.log import EVENT_CLASSES, SNAPSHOT_CLASSES, mapper
from domain.protocol.server import event_model
from domain.protocol.types import Sealed
from domain.room.messages import MessageDeleted
from tests.support.chat import memory_chat
from tools.event_forms import DOCUMENT, document, own_fields
from tools.event_forms import golden as made

TESTS = Path(__file__).parent.parent
GOLDEN = sorted((TESTS / "golden" / "events").glob("*.json"))


def test_versions_and_fields_are_as_the_golden_files_have_them() -> None:
    """What a class says today; older versions are the upcasters' business."""
    shared = event_fields(Event)
    for event_class in EVENT_CLASSES:
        assert event_fields(event_class)[: len(shared)] == shared
    own = {(one.TOPIC, one.class_version): set(own_fields(one)) for one in EVENT_CLASSES}
    kept = {"class_version", *(set(shared) - {"originator_id", "originator_version"})}
    for path in GOLDEN:
        stored = golden(path)["stored"]
        form = (stored["topic"], stored["state"].get("class_version", 1))
        if form in own:
            assert stored["state"].keys() - kept == own[form], path.name


def test_topics_resolve_to_their_classes() -> None:
    kept: Any
    for kept in (*EVENT_CLASSES, *SNAPSHOT_CLASSES):
        assert resolve_topic(kept.TOPIC) is kept


def test_the_documentation_has_the_same_tables() -> None:
    text = DOCUMENT.read_text()
    assert document(text) == text


def test_a_new_event_gets_a_golden_file_of_its_form() -> None:
    case = made(MessageDeleted)
    event = read(case)
    assert vars(event) == case["event"]
    assert event.wire() == case["wire"]


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


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_an_opened_event_is_what_the_wire_models_say(path: Path) -> None:
    """So no sealed field, whatever its name, goes out as it is stored."""
    event = read(golden(path))
    opened = open_event(memory_chat().services.vault, event.wire())
    model = event_model(type(event)).model_validate(opened, strict=True)
    assert model.model_dump()["data"].keys() == opened["data"].keys()


def test_fields_that_are_sealed_are_opened_by_their_type() -> None:
    class NoteKept(Event):
        TOPIC = "test.note-kept"
        note: Sealed
        aside: Sealed | None
        plain: str

    assert Event.sealed_fields.pop("NoteKept") == ("note", "aside")


def is_of_this_version(case: dict[str, Any]) -> bool:
    stored = case["stored"]
    current = {one.TOPIC: one.class_version for one in EVENT_CLASSES}[stored["topic"]]
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
