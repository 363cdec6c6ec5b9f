"""The rows of rooms and people in the store of all views: their streams, keys and documents.

| stream | key | document | under |
|---|---|---|---|
| `R#room` | head | the room's header; `posted`, see below | |
| `R#room` | `room` | `{}` | `rooms#open` or `rooms#private` |
| `R#room` | `m#version` | a message | |
| `R#room` | `u#user` | a member: name, role, `joined`, `n` version of their newest post | them |
| `P#user` | head | | |
| `P#user` | `mark#room` | `{mark}`, the version up to which the room is read | |

Members are listed under their own id while they are present. Texts and names are sealed. If the
store spares rows, the version of a member's newest post is in the head for at most WRITERS members,
and in their rows once there are more: this saves one row per message.
"""

from collections.abc import Mapping
from typing import Any

from domain.log import is_person
from domain.projections.store import NUMBER, Head

POSTED = "posted"

WRITERS = 16
"""Maximum of people whose newest post is in a head, about 25 bytes each: the head stays under 1 KB,
a write unit of DynamoDB."""

OPEN_KINDS = ("public", "broadcast")
OPEN, PRIVATE = "rooms#open", "rooms#private"

MESSAGES, MEMBERS, MARKS = "m#", "u#", "mark#"

ROOM = "room"
"""Key of the row by which a room is listed."""


def room_stream(room: str) -> str:
    return f"R#{room}"


def person_stream(user: str) -> str:
    return f"P#{user}"


def stream_of(log_id: str) -> str:
    """Returns the stream of the view of a log, a room's or a person's."""
    return person_stream(log_id) if is_person(log_id) else room_stream(log_id)


def message_key(version: int) -> str:
    return f"m#{version:016d}"


def member_key(user: str) -> str:
    return f"u#{user}"


def after(key: str) -> str:
    """Returns the first key above a key: no key contains a NUL."""
    return f"{key}\x00"


def header_of(head: Head) -> dict[str, Any] | None:
    """Returns the header in a room's head; None if nothing is folded yet."""
    if not head.version:
        return None
    header = {**head.fields, "version": head.version}
    header.pop(POSTED, None)
    return header


def member_of(row: Mapping[str, Any], posted: int = 0) -> dict[str, Any]:
    """Returns `{name, role, posted}` of a member's row; `posted` is the value in the head."""
    # Rows of DynamoDB that an earlier release wrote have `posted`.
    newest = max(row.get(NUMBER) or 0, row.get("posted") or 0, posted)
    return {"name": row.get("name"), "role": row.get("role"), "posted": newest}
