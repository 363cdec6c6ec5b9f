"""Retention: texts are kept only for some days (rule 13 of docs/architecture.md).

An old event keeps its position, author, times and command id; its content is replaced by a mark. So
the log can still be folded, and a repeated command is still recognised. Names stay, because the web
app shows them; `parley erase` removes a person's name.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

from eventsourcing.persistence import StoredEvent

from domain.aggregate import NOT_KEPT, Event, event_fields
from domain.chat.services import Services
from domain.log import mapper
from domain.ports.retention import Retained, Retention
from domain.room.room import RoomEvent
from domain.room.view import Message

DAY = 86_400.0
"""Seconds between two runs over all rooms."""

CHUNK = 500
"""Events that are processed at a time; an interrupted run repeats at most these."""


def without_content(event: Event) -> Event | None:
    """Returns the event with marks in place of its content; None if it has no content to
    replace."""
    kept = [name for name in event.content if getattr(event, name) != NOT_KEPT]
    marks: dict[str, Any] = dict.fromkeys(kept, NOT_KEPT)
    return replace(event, **marks) if marks else None


def without_text(message: Message, limit: str) -> Message | None:
    """Returns a folded message with a mark in place of its text; None if there is nothing to
    replace, or if it was edited at `limit` or later: then its text belongs to that edit."""
    if message["text"] in (None, NOT_KEPT) or (message["edited_at"] or message["at"]) >= limit:
        return None
    return {**message, "text": NOT_KEPT}


class Retaining:
    """Processes all rooms once a day.

    Two runs, a day apart, process each event: a fold or a rebuild that had read a text before the
    first run may write it into the views afterwards. Rebuilt views are processed from their
    beginning.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    def run(self, more: Callable[[], bool]) -> int:
        """Does the due work, while `more()`; the next run continues. Returns the number of events
        whose content was replaced."""
        services, retention = self._services, self._services.retention
        if retention is None or services.retention_days <= 0:
            return 0
        now = services.seconds()
        if now - retention.finished() < DAY:
            return 0
        age = timedelta(days=services.retention_days)
        limit = (datetime.fromisoformat(services.now()) - age).isoformat(timespec="microseconds")
        known, replaced = retention.retained(), 0
        for room in retention.rooms():
            before = known.get(room, Retained())
            if now - before.at < DAY:
                continue  # by an earlier part of this run
            for count in self._room(retention, room, before, limit, now):
                replaced += count
                if not more():
                    return replaced
        retention.clean(now - DAY)
        retention.finish(now)
        return replaced

    def _room(
        self, retention: Retention, room: str, before: Retained, limit: str, now: float
    ) -> Iterator[int]:
        """Processes a room chunk by chunk; yields the number of replaced events of each."""
        generation = retention.generation(room)
        if generation != before.generation:
            before = replace(before, seen=0, done=0, version=0, generation=generation)
        done = before.done or before.seen
        while chunk := _old(retention.events(room, done, CHUNK), limit):
            events = [event for event in map(_readable, chunk) if event is not None]
            marked = [found for event in events if (found := without_content(event)) is not None]
            retention.replace([mapper.to_stored_event(event) for event in marked])
            messages = {version for event in events for version in _shown_in(event)}
            retention.change_messages(room, messages, lambda one: without_text(one, limit))
            done = chunk[-1].originator_version
            retention.advance(room, replace(before, done=done))
            yield len(marked)
        # The next run checks these events once more.
        retention.advance(room, Retained(done, before.version, 0, generation, now))
        yield 0


def _old(found: Sequence[StoredEvent], limit: str) -> Sequence[StoredEvent]:
    """Returns the events older than `limit`, in version order, up to the last one whose age is
    certain: the age of an unreadable event follows from later ones."""
    old = 0
    for index, stored in enumerate(found):
        event = _readable(stored)
        if event is None:
            continue
        if event.recorded_at >= limit:
            break
        old = index + 1
    return found[:old]


def _readable(stored: StoredEvent) -> Event | None:
    """Returns the event, upcast; None for an unreadable one (rule 10), which stays unchanged."""
    with suppress(Exception):
        event = cast(Event, mapper.to_domain_event(stored))
        if vars(event).keys() >= set(event_fields(type(event))):
            return event
    return None


def _shown_in(event: Event) -> tuple[int, ...]:
    """Returns the messages whose folded text may be the event's content."""
    if isinstance(event, RoomEvent):
        if event.message_text == "posted":
            return (event.originator_version,)
        if event.message_text == "replaced":
            return (getattr(event, event.about or ""),)
    return ()
