"""Code that operations of data folders and of stacks share: their output and their errors."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson
from eventsourcing.persistence import StoredEvent

from domain.chat import Chat
from domain.chat.unsealing import open_event
from domain.chat.withholding import changes_in, deleted_in, withhold_deleted
from domain.consumer import Transient
from domain.errors import NotFound
from domain.log import EventLog, WirePage, is_person
from domain.ports.vault import Vault

Progress = Callable[[int, int], None]
"""Called with the number of finished items and the total."""

PAGE = 1_000
"""Events read at a time."""

UNREADABLE = "Unreadable"
"""Type, in `parley events`, of the line that replaces an unreadable event."""

NAMED = 10
"""Maximum of versions of such events in the message."""


class OperationError(Exception):
    """An operation failed; the message is for the user."""


def log_lines(log: EventLog, vault: Vault, log_id: str, deleted: bool = False) -> Iterator[str]:
    """Yields a log, one event per line, in the protocol's form for a member.

    Every version has a line: `_stand_in` is the line of an unreadable event. The log is read twice,
    because a deletion comes after the texts that it withholds.

    Parameters
    ----------
    deleted: whether texts of deleted messages are shown; then the log is read only once.

    Raises
    ------
    NotFound: there is no such log.
    OperationError: after the last line, if events could not be read.
    """
    head = log.head(log_id)
    if not head:
        raise NotFound(f"there is no log named {log_id}")
    gone: set[int] = set()
    if not deleted and not is_person(log_id):
        for _, page in _pages(log, log_id, head):
            gone |= deleted_in([*page.events, *changes_in(one for one, _ in page.unreadable)])
    missing: list[int] = []
    for after, page in _pages(log, log_id, head):
        if not deleted:
            withhold_deleted(page.events, gone)
        events = {event["version"]: event for event in page.events}
        unreadable = {stored.originator_version: (stored, why) for stored, why in page.unreadable}
        for version in range(after + 1, page.last + 1):
            event = events.get(version)
            if event is not None:
                open_event(vault, event)
            else:
                missing.append(version)
                event = _stand_in(version, *unreadable.get(version, (None, "Missing")))
            yield orjson.dumps(event).decode()
    if missing:
        shown = ", ".join(map(str, missing[:NAMED])) + (", …" if len(missing) > NAMED else "")
        raise OperationError(f"{len(missing)} of {head} events could not be read: version {shown}")


def _stand_in(version: int, stored: StoredEvent | None, why: str) -> dict[str, Any]:
    """Returns the line that replaces an unreadable event, with all readable fields except its
    content."""
    try:
        state = orjson.loads(stored.state) if stored else {}
        known = {name: state.get(name) for name in ("at", "by", "id")}
    except (ValueError, AttributeError):
        known = {}
    told = {name: value if isinstance(value, str) else None for name, value in known.items()}
    return {
        "version": version,
        "type": UNREADABLE,
        "at": told.get("at"),
        "by": told.get("by"),
        "data": {"topic": stored.topic if stored else None, "error": why},
        "id": told.get("id"),
    }


def _pages(log: EventLog, log_id: str, head: int) -> Iterator[tuple[int, WirePage]]:
    """Yields a log's events up to `head`, page by page, each with the version before it."""
    after = 0
    while after < head:
        page = log.wire_events(log_id, after=after, limit=min(PAGE, head - after))
        yield after, page
        after = page.last


def erased(chat: Chat, user: str) -> Iterator[str]:
    """Erases a person; yields the output.

    Raises
    ------
    NotFound: there is no such person.
    OperationError: they are erased, but still own rooms.
    """
    try:
        done = chat.erasing.erase(user)
    except Transient as error:
        raise OperationError(
            f"{user} is erased, but not all of their rooms have another owner ({error}): "
            "run the command again"
        ) from error
    yield f"{user} is erased" if done else f"{user} was erased before"


def signed_out(chat: Chat, user: str) -> Iterator[str]:
    """Signs a person out everywhere; yields the output. Raises NotFound."""
    sessions, connections = chat.sessions.sign_out(user)
    yield f"{user} is signed out: {sessions} sessions ended, {connections} connections closed"
