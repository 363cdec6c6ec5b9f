"""Withholding: nobody sees texts of deleted messages; only members see texts that an edit replaced.

The log keeps both. An event whose text is withheld keeps its position and form, with `text` null: a
later event removes or replaces the text, so the fold gives the same view.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import orjson
from eventsourcing.persistence import StoredEvent

from domain.log import EventLog
from domain.projections.views import Views
from domain.room.messages import MessageDeleted, MessageEdited
from domain.room.view import Message, RoomView

TEXTS = ("MessagePosted", "MessageEdited")
"""Types of events that carry a message's text."""

CHANGES = {MessageEdited.TOPIC: "MessageEdited", MessageDeleted.TOPIC: "MessageDeleted"}
"""Topics of events that remove a message's earlier text, with the events' types."""

WireEvents = Sequence[dict[str, Any]]
"""Events in the protocol's form (`Event.wire()`), changed in place."""


def withhold(
    events: WireEvents, *, member: bool, known: Mapping[int, Message] | None = None
) -> None:
    """Withholds the texts that the reader of a range of a log may not see.

    Parameters
    ----------
    member: whether the reader is a member; members see texts that edits replaced.
    known: messages folded to the log's head, by version. None if the range reaches the head: it
        then has every later edit and deletion itself. A message that is missing from `known` is
        withheld, because it may have been deleted.
    """
    deleted = deleted_in(events)
    edits = {_message(e): e["version"] for e in events if e["type"] == "MessageEdited"}
    for event in events:
        if event["type"] not in TEXTS:
            continue
        message = _message(event)
        if message is None:
            event["data"]["text"] = None
            continue
        gone, edited = message in deleted, edits.get(message, message) != event["version"]
        if known is not None and not gone:
            folded = known.get(message)
            gone = folded is None or folded["deleted"]
            edited = edited or (folded is not None and _replaced(event, folded))
        if gone or (edited and not member):
            event["data"]["text"] = None


def withhold_deleted(events: WireEvents, deleted: Collection[int]) -> None:
    """Withholds the texts of the messages that have the versions `deleted`."""
    for event in events:
        if event["type"] in TEXTS and ((about := _message(event)) is None or about in deleted):
            event["data"]["text"] = None


def change_in(stored: StoredEvent) -> dict[str, Any] | None:
    """Returns an edit or a deletion in the protocol's form, read from the stored event even if the
    rest of it is damaged; None for any other event and if it names no message."""
    kind = CHANGES.get(stored.topic)
    if kind is None:
        return None
    try:
        state = orjson.loads(stored.state)
        message, text, at = state["message"], state.get("text"), state.get("at")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if type(message) is not int:
        return None
    sealed = isinstance(text, dict) and all(isinstance(text.get(part), str) for part in "kc")
    data = {"message": message} | ({"text": text if sealed else None} if "text" in state else {})
    version = stored.originator_version
    return {"version": version, "type": kind, "at": at, "by": state.get("by"), "data": data}


def changes_after(log: EventLog, room: str, after: int, limit: int) -> list[dict[str, Any]] | None:
    """Returns the edits and deletions above a version, by one read; None if the log has more than
    `limit` events there, which are too many to check."""
    found = log.recorder.select_events(room, gt=after, limit=limit + 1)
    if len(found) > limit:
        return None
    return changes_in(found)


def changes_in(found: Iterable[StoredEvent]) -> list[dict[str, Any]]:
    """Returns the edits and deletions among stored events, as `change_in` does."""
    return [change for stored in found if (change := change_in(stored)) is not None]


def deleted_in(events: WireEvents) -> set[int]:
    """Returns the versions of the messages that the events delete."""
    found = (_message(event) for event in events if event["type"] == "MessageDeleted")
    return {message for message in found if message is not None}


def _message(event: Mapping[str, Any]) -> int | None:
    """Returns the version of the message that an event is about; None if a damaged event names
    none. Its text is withheld, because the message may be deleted."""
    about = event["version"] if event["type"] == "MessagePosted" else event["data"]["message"]
    return about if isinstance(about, int) else None


def _replaced(event: Mapping[str, Any], folded: Message) -> bool:
    """Returns whether an edit in the folded message replaced the event's text."""
    at = folded["edited_at"]
    return at is not None if event["type"] == "MessagePosted" else at != event["at"]


class EventPage:
    """A page of a room's log, with the current state of its messages.

    It costs one read of the log and, if the page does not reach the log's head, at most two of the
    views, whatever the number of events.

    Attributes
    ----------
    events: the page in the protocol's form, once `load` was called.
    """

    def __init__(self, log: EventLog, views: Views, room: str, after: int, limit: int) -> None:
        self._log = log
        self._views = views
        self._room = room
        self._after = after
        self._limit = limit
        self._whole = False
        self._changes: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []

    def load(self, view: RoomView) -> None:
        """Reads the page, and the messages that it is about into `view` (`Reading.access`)."""
        self.events, unreadable, last = self._log.wire_events(
            self._room, after=self._after, limit=self._limit
        )
        self._changes = changes_in(stored for stored, _ in unreadable)
        self._whole = last - self._after < self._limit
        if self._whole:
            return
        posted = {e["version"] for e in self.events if e["type"] == "MessagePosted"}
        if posted:
            # The newest ones up to the page's end are the page itself.
            for message in self._views.page(self._room, last + 1, len(posted)):
                view.messages[message["version"]] = message
        edited = {_message(e) for e in self.events if e["type"] == "MessageEdited"}
        others = [(self._room, version) for version in edited if version and version not in posted]
        if others:
            for (_, version), message in self._views.messages_at(others).items():
                view.messages[version] = message

    def shown(self, known: Mapping[int, Message], *, member: bool) -> list[dict[str, Any]]:
        """Returns the events for the reader, still sealed, with withheld texts as null; `known` are
        messages of the view that `load` filled, folded to the log's head."""
        events = [*self.events, *self._changes]
        withhold(events, member=member, known=None if self._whole else known)
        return self.events
