"""Withholding: nobody sees texts of deleted messages; only members see texts that an edit replaced.

The log keeps both. An event whose text is withheld keeps its position and form, with null for the
text: a later event removes or replaces it, so the fold gives the same view. What event classes
declare (domain/room/declaring.py) says which of their fields are withheld, and with which message.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import orjson
from eventsourcing.persistence import StoredEvent

from domain.aggregate import Event
from domain.log import EventLog
from domain.projections.views import Views
from domain.room.declaring import CHANGING, TOPICS, TYPES, MessageText
from domain.room.view import Message, RoomView

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
    edits: dict[int | None, int] = {}
    for event in events:
        if _does(event) == "replaced":
            message = _message(event)
            edits[message] = max(event["version"], edits.get(message, 0))
    for event in events:
        if not _withheld(event):
            continue
        message = _message(event)
        if message is None:
            _empty(event)
            continue
        gone, edited = message in deleted, edits.get(message, 0) > event["version"]
        if known is not None and not gone:
            folded = known.get(message)
            gone = folded is None or folded["deleted"]
            edited = edited or (folded is not None and _replaced(event, folded))
        if gone or (edited and not member):
            _empty(event)


def withhold_deleted(events: WireEvents, deleted: Collection[int]) -> None:
    """Withholds the texts of the messages that have the versions `deleted`."""
    for event in events:
        if _withheld(event) and ((about := _message(event)) is None or about in deleted):
            _empty(event)


def change_in(stored: StoredEvent) -> dict[str, Any] | None:
    """Returns an edit or a deletion, or another event that removes a message's earlier text, in the
    protocol's form, read from the stored event even if the rest of it is damaged; None for any
    other event and if it names no message."""
    kind = TOPICS.get(stored.topic)
    if kind is None or kind.about is None or kind.message_text not in CHANGING:
        return None
    try:
        state = orjson.loads(stored.state)
        data = {name: state[name] for name in kind.data_fields if name in state}
        at, by = state.get("at"), state.get("by")
    except (ValueError, TypeError, AttributeError):
        return None
    if type(data.get(kind.about)) is not int:
        return None
    for name in Event.sealed_fields[kind.__name__]:
        if not _is_sealed(data.get(name)) and name in data:
            data[name] = None
    version = stored.originator_version
    return {"version": version, "type": kind.__name__, "at": at, "by": by, "data": data}


def _is_sealed(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(part), str) for part in "kc")


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
    found = (_message(event) for event in events if _does(event) == "deleted")
    return {message for message in found if message is not None}


def _does(event: Mapping[str, Any]) -> MessageText | None:
    """Returns what an event does to a message's text."""
    kind = TYPES.get(event["type"])
    return None if kind is None else kind.message_text


def _withheld(event: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the fields of an event that are withheld with its message."""
    kind = TYPES.get(event["type"])
    return () if kind is None else kind.withheld


def _empty(event: Mapping[str, Any]) -> None:
    event["data"].update(dict.fromkeys(_withheld(event)))


def _message(event: Mapping[str, Any]) -> int | None:
    """Returns the version of the message that an event is about; None if a damaged event names
    none. Its text is withheld, because the message may be deleted."""
    if _does(event) == "posted":
        return int(event["version"])
    about = event["data"].get(TYPES[event["type"]].about or "")
    return about if isinstance(about, int) else None


def _replaced(event: Mapping[str, Any], folded: Message) -> bool:
    """Returns whether an edit in the folded message replaced the event's text."""
    at: str = event["at"]
    edited_at: str | None = folded["edited_at"]
    if _does(event) == "replaced":
        return edited_at != at
    if _does(event) == "posted" or edited_at is None:
        return edited_at is not None
    # The text of any other event belongs to what the message said at that time.
    return edited_at >= at


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
        posted = {e["version"] for e in self.events if _does(e) == "posted"}
        if posted:
            # The newest ones up to the page's end are the page itself.
            for message in self._views.page(self._room, last + 1, len(posted)):
                view.messages[message["version"]] = message
        about = {_message(e) for e in self.events if _withheld(e)}
        others = [(self._room, version) for version in about if version and version not in posted]
        if others:
            for (_, version), message in self._views.messages_at(others).items():
                view.messages[version] = message

    def shown(self, known: Mapping[int, Message], *, member: bool) -> list[dict[str, Any]]:
        """Returns the events for the reader, still sealed, with withheld texts as null; `known` are
        messages of the view that `load` filled, folded to the log's head."""
        events = [*self.events, *self._changes]
        withhold(events, member=member, known=None if self._whole else known)
        return self.events
