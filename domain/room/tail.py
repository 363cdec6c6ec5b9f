"""The messages of a room that deciding folds, with an estimate of their bytes."""

from collections.abc import Mapping
from typing import Any

from domain.room.view import Loader, Message, RoomView, WireEvent

MESSAGE_BYTES = 1_500
"""Bytes of a folded message in memory, without its text (measured by tests/unit/test_memory.py)."""

REACTION_BYTES = 120
EVENT_BYTES = 600
"""Maximum of bytes that any other event adds, for example a member's patch, without a text."""


class Tail(RoomView):
    """A room's view that estimates its own size.

    Attributes
    ----------
    weight: estimated bytes. It only grows: a text still counts after an edit replaced it.
    since: version of the view that it began with; 0 if there was none.
    first: weight when it first reached the head of its log; None before. A tail that starts again
        from the same view has this weight.
    """

    def __init__(self, load_message: Loader) -> None:
        super().__init__(load_message)
        self.weight = 0
        self.since = 0
        self.first: int | None = None

    def restore(self, header: Mapping[str, Any]) -> "Tail":
        super().restore(header)
        self.since = self.version
        return self

    def grown(self) -> int:
        """Returns the bytes that starting again from the same view would free."""
        return 0 if self.first is None else self.weight - self.first

    def message(self, version: int) -> Message | None:
        known = version in self.messages
        message = super().message(version)
        if message is not None and not known:
            reactions = sum(len(users) for users in message["reactions"].values())
            self.weight += MESSAGE_BYTES + _length(message["text"]) + reactions * REACTION_BYTES
        return message

    def apply(self, event: WireEvent) -> bool:
        new = super().apply(event)
        if new:
            posted = event["type"] == "MessagePosted"
            self.weight += MESSAGE_BYTES if posted else EVENT_BYTES
            self.weight += _length(event["data"].get("text"))
        return new


def _length(text: Any) -> int:
    """Returns the length of a sealed text."""
    return len(text["c"]) if isinstance(text, dict) else 0
