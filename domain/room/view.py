"""The fold of a room's events into its view. The web app has the same fold in TypeScript
(frontend/src/fold/room.ts); tests/golden/folds runs through both.

It reads events in the protocol's form (`Event.wire()`); texts and names may be sealed or open in
it, the fold keeps them unchanged.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Message = dict[str, Any]
"""`{version, id, by, at, text, kind, n, reply_to, edited_at, deleted, reactions}`."""

WireEvent = Mapping[str, Any]
Loader = Callable[[int], Message | None]


Fold = Callable[["RoomView", WireEvent, Mapping[str, Any]], None]
FOLDS: dict[str, Fold] = {}
"""Functions that change a view, by the type of the event. Each event class adds its own
(`RoomEvent.project`)."""


class Declared(dict[str, Any]):
    """Fields that concerns declare, by name, with their types; each once, and none that the core
    has.

    Parameters
    ----------
    what: what the fields are a part of.
    taken: the core's fields.
    """

    def __init__(self, what: str, taken: Iterable[str]) -> None:
        super().__init__()
        self._what = what
        self._taken = frozenset(taken)

    def __setitem__(self, name: str, kind: Any) -> None:
        if name in self or name in self._taken:
            raise TypeError(f"{self._what} has a field {name} already")
        super().__setitem__(name, kind)


MESSAGE = (
    "version", "id", "by", "at", "text", "kind", "n", "reply_to", "edited_at", "deleted",
    "reactions",
)  # fmt: skip
HEADER = ("version", "name", "kind", "n", "last", "member_count")
RESERVED = ("posted",)
"""Further names in a room's stored header (domain/projections/rows.py)."""

EXTRAS: dict[str, Any] = Declared("a message", MESSAGE)
"""Optional fields that concerns add to a folded message, by name, with their types."""

FACTS: dict[str, Any] = Declared("a room", (*HEADER, *RESERVED))
"""Facts of a room that concerns keep in `RoomView.kept`, by name, with their types: a TypedDict, or
a type that the wire has as it is. A snapshot shows them: sealed fields are opened, and the people
in fields of type `UserId` are named. A snapshot has room for 4 KB of all facts."""


class Gap(Exception):
    """Events between the view and this one are missing."""


class _Kept(dict[str, Any]):
    """What concerns keep for a room. A key of the header would hide the header's value."""

    def __setitem__(self, name: str, value: Any) -> None:
        if name in HEADER or name in RESERVED:
            raise TypeError(f"{name} is a field of the header")
        super().__setitem__(name, value)


class RoomView:
    """A room's header and those of its messages and members that were loaded or changed.

    Parameters
    ----------
    load_message: finds a message that is not in `messages`; by default it finds none.

    Attributes
    ----------
    members: patches by user; `role` is None for people who left.
    posted: version of each writer's newest message.
    changed: versions of the messages that the fold changed.
    kept: other values that concerns keep for the room, by name; a part of the header.
    ahead: by version of a loaded message, the version up to which events are already folded into
        it, if that is beyond the view's own: a reaction that is folded twice would change its
        place.
    """

    def __init__(self, load_message: Loader = lambda version: None) -> None:
        self.version = 0
        self.name: Any = None
        self.kind: str | None = None
        self.n = 0
        self.last: int | None = None
        self.member_count = 0
        self.messages: dict[int, Message] = {}
        self.members: dict[str, dict[str, Any]] = {}
        self.posted: dict[str, int] = {}
        self.changed: set[int] = set()
        self.kept: dict[str, Any] = _Kept()
        self.ahead: dict[int, int] = {}
        self._load_message = load_message

    def header(self) -> dict[str, Any]:
        """Returns the header that is stored for the room."""
        return {
            "version": self.version,
            "name": self.name,
            "kind": self.kind,
            "n": self.n,
            "last": self.last,
            "member_count": self.member_count,
            **self.kept,
        }

    def facts(self) -> dict[str, Any]:
        """Returns the facts that the room has, with their texts as they were folded."""
        return {name: self.kept[name] for name in FACTS if name in self.kept}

    def restore(self, header: Mapping[str, Any]) -> "RoomView":
        """Restores a stored header."""
        for field, value in header.items():
            if field in HEADER:
                setattr(self, field, value)
            else:
                self.kept[field] = value
        return self

    def message(self, version: int) -> Message | None:
        """Returns a message for changing, or None if it was not loaded."""
        message = self.messages.get(version)
        if message is None:
            message = self._load_message(version)
            if message is None:
                return None
            self.messages[version] = message
        self.changed.add(version)
        return message

    def target(self, event: WireEvent) -> Message | None:
        """Returns the message that an event changes, or None if there is nothing to change."""
        version = event["data"]["message"]
        message = self.message(version)
        return None if event["version"] <= self.ahead.get(version, 0) else message

    def apply(self, event: WireEvent) -> bool:
        """Folds one event; returns whether it was new.

        Raises
        ------
        Gap: the event is not the next one.
        """
        version = event["version"]
        if version <= self.version:
            return False
        if version != self.version + 1:
            raise Gap(f"version {version} after {self.version}")
        FOLDS[event["type"]](self, event, event["data"])
        self.version = version
        return True

    def apply_all(self, events: Iterable[WireEvent]) -> "RoomView":
        for event in events:
            self.apply(event)
        return self
