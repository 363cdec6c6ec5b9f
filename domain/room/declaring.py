"""Declarations of a room's event classes.

Withholding, authorising, delivery, retention and the copies in people's own logs read them here or
on the class, so none of them has a list of events. The defaults are safe: a missing declaration
withholds or checks more, never less.
"""

from typing import TYPE_CHECKING, Literal

from domain.aggregate import Event

if TYPE_CHECKING:
    from domain.room.room import RoomEvent

MessageText = Literal["posted", "replaced", "deleted"]
"""How an event changes a message's text."""

CHANGING = ("replaced", "deleted")
"""Changes that remove an earlier text."""

Membership = Literal["gained", "lost", "offered", "closed", "any", "none", "unknown"]
"""How an event changes who may read the room or is invited to it.

`user` gained the membership or another role, lost it, was invited, or is no longer invited; it may
change for anybody; it does not change; or the class has an `apply` and does not say, which counts
as `any`."""

TAKING = ("lost", "any", "unknown")
"""Changes that may end a person's right to read."""

OF_USER = ("gained", "lost", "offered", "closed")
"""Events that are copied to the own log of the event's `user`."""

TYPES: dict[str, type["RoomEvent"]] = {}
"""Events of rooms by their type on the wire."""

TOPICS: dict[str, type["RoomEvent"]] = {}
"""Events of rooms by their topic in the log."""


def declare(event: type["RoomEvent"]) -> None:
    """Completes the declarations of an event class by their defaults, and registers it.

    Raises
    ------
    TypeError: it lacks a field that a declaration needs.
    """
    stated, fields, name = vars(event), event.data_fields, event.__name__
    sealed = Event.sealed_fields[name]
    if "about" not in stated:
        event.about = "message" if "message" in fields else None
    if "withheld" not in stated:
        of_message = event.about is not None or event.message_text == "posted"
        event.withheld = sealed if of_message else ()
    if "content" not in stated:
        event.content = event.withheld
    if "names_user" not in stated:
        event.names_user = "user" in fields and "name" in sealed
    if "membership" not in stated:
        event.membership = "none" if event.apply is Event.apply else "unknown"
    if event.about is not None and event.about not in fields:
        raise TypeError(f"{name} is about {event.about!r}, which it does not have")
    if event.message_text in CHANGING and event.__annotations__.get(event.about or "") is not int:
        raise TypeError(f"{name} changes a message and has no field with its version")
    if not set(event.withheld) <= set(sealed):
        raise TypeError(f"{name} withholds fields that are not sealed")
    if event.withheld and event.about is None and event.message_text != "posted":
        raise TypeError(f"{name} withholds fields and is about no message")
    needed = {"user", "role"} if event.membership in ("gained", "offered") else {"user"}
    if event.membership in OF_USER and not needed <= set(fields):
        raise TypeError(f"{name} changes a membership and lacks the field user or role")
    TYPES[name] = TOPICS[event.TOPIC] = event
