"""A room's history, logs of it that miss or spoil events, and records of it."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import orjson
from eventsourcing.persistence import StoredEvent

from adapters.memory.events import MemoryEvents, MemorySnapshots
from adapters.memory.progress import MemoryProgress
from domain.chat.projecting import ProjectViews
from domain.chat.services import Services
from domain.consuming import MAX_RECEIVES, Consuming, Record
from domain.log import EventLog, envelope
from domain.ports.consumers import Parked
from tests.support.chat import memory_chat, person, run_consumers
from tests.support.views import MemoryViews, NoWords


@cache
def history() -> tuple[StoredEvent, ...]:
    """What two rooms and three people did, in the order of the log."""
    chat = memory_chat()
    ann, bob, cy = person(chat, "ann"), person(chat, "bob"), person(chat, "cy")
    for room in ("lobby", "other"):
        ann.send(action="create_room", room=room, name=room, kind="public")
        for someone in (bob, cy):
            someone.send(action="join", room=room)
        for text in ("one", "two", "three"):
            bob.send(action="post", room=room, text=text)
        bob.send(action="edit", room=room, version=5, text="uno")
        cy.send(action="react", room=room, version=6, emoji="👍")
        cy.send(action="react", room=room, version=7, emoji="👍")
        ann.send(action="delete", room=room, version=6)
        cy.send(action="unreact", room=room, version=7, emoji="👍")
        bob.send(action="read", room=room, version=5)
        ann.send(action="set_role", room=room, user="u_bob", role="moderator")
        bob.send(action="remove_member", room=room, user="u_cy")
        cy.send(action="join", room=room)
        run_consumers(chat)
        bob.send(action="read", room=room, version=13)
        cy.send(action="post", room=room, text="last", reply_to=7)
    for someone in (ann, bob, cy):
        someone.send(action="read", room="other", version=15)
    recorder = chat.services.log.recorder
    assert isinstance(recorder, MemoryEvents)
    return tuple(recorder.select_notifications(1, 10_000))


def recorded(events: Sequence[StoredEvent]) -> MemoryEvents:
    recorder = MemoryEvents()
    plain = [
        StoredEvent(
            originator_id=e.originator_id,
            originator_version=e.originator_version,
            topic=e.topic,
            state=e.state,
        )
        for e in events
    ]
    recorder.insert_events(plain)
    return recorder


def log_of(events: Sequence[StoredEvent]) -> EventLog:
    return EventLog(recorded(events), MemorySnapshots())


def consuming(views: MemoryViews, log: EventLog, progress: MemoryProgress) -> Consuming:
    services: Any = type("Views and log", (), {"views": views, "log": log, "vault": NoWords()})()
    kept: Services = services
    return Consuming(ProjectViews(kept), log, progress, lambda: "now")


def changed(event: StoredEvent, **new: Any) -> StoredEvent:
    fields = {"topic": event.topic, "state": event.state, **new}
    return StoredEvent(
        originator_id=event.originator_id, originator_version=event.originator_version, **fields
    )


def without_a_field(event: StoredEvent) -> StoredEvent:
    state = orjson.loads(event.state)
    del state["by"]
    return changed(event, state=orjson.dumps(state))


def fed(consumer: Consuming, events: Sequence[StoredEvent], plan: list[list[int]]) -> None:
    """Delivers the batches; what fails is delivered again, with the next batch in between."""
    bodies = [envelope(event) for event in events]
    waiting: list[Record] = []
    for batch in [*plan, *[[]] * MAX_RECEIVES]:
        new = [Record(str(index), bodies[index]) for index in batch]
        given_out = [*waiting, *new]
        failed = set(consumer.consume(given_out))
        assert failed <= {record.id for record in given_out}
        waiting = [
            Record(record.id, record.body, record.receives + 1)
            for record in given_out
            if record.id in failed
        ]
    assert waiting == []


def told(parked: list[Parked]) -> set[tuple[str, int]]:
    return {(one.stream, one.version) for one in parked if one.stream != "?"}


def records_of(stream: str, upto: int, receives: int = 1) -> list[Record]:
    return [
        Record(f"{stream}-{event.originator_version}", envelope(event), receives)
        for event in history()
        if event.originator_id == stream and event.originator_version <= upto
    ]
