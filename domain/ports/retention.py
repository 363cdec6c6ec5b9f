"""Replacing content that is not kept any more."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from eventsourcing.persistence import StoredEvent

from domain.room.view import Message


@dataclass(frozen=True, slots=True)
class Retained:
    """How far a room's content was replaced, as versions of its log.

    Attributes
    ----------
    version: where the last run came to its end.
    seen: where the run before that did: up to there nothing is looked at any more.
    done: where the run is that was cut off; 0 where none was.
    generation: of the views that were looked at.
    at: when the last run ended, seconds since the epoch.
    """

    version: int = 0
    seen: int = 0
    done: int = 0
    generation: int = 0
    at: float = 0.0


class Retention(Protocol):
    """Replaces what log and views hold, and remembers how far that came. For a schedule alone."""

    def rooms(self) -> Iterator[str]:
        """Yields every room that the views know."""
        ...

    def finished(self) -> float:
        """Returns when all rooms were done last, seconds since the epoch; 0 where never."""
        ...

    def finish(self, at: float) -> None: ...

    def retained(self) -> dict[str, Retained]: ...

    def advance(self, room: str, retained: Retained) -> None: ...

    def generation(self, room: str) -> int:
        """Returns the generation of the room's views that is read."""
        ...

    def events(self, room: str, after: int, limit: int) -> Sequence[StoredEvent]:
        """Returns a room's next events, in order."""
        ...

    def replace(self, events: Sequence[StoredEvent]) -> None:
        """Puts the states of events in place of those that are stored; what is not stored stays
        so."""
        ...

    def change_messages(
        self, room: str, versions: Collection[int], change: Callable[[Message], Message | None]
    ) -> None:
        """Rewrites folded messages of the generation that is read; `change` returns None for one
        to leave. One that folds keep changing meanwhile is left as well."""
        ...

    def clean(self, before: float) -> int:
        """Deletes what generations of the views hold that were replaced before a time, as
        `Generations.clean` does."""
        ...
