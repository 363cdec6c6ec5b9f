"""Replaces content whose retention has ended."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from eventsourcing.persistence import StoredEvent

from domain.room.view import Message


@dataclass(frozen=True, slots=True)
class Retained:
    """The progress of replacing a room's content, as versions of its log.

    Attributes
    ----------
    version: the version at which the last run ended.
    seen: the version at which the run before it ended: events up to there are not checked again.
    done: the version that an interrupted run reached; 0 if there is none.
    generation: the generation of the processed views.
    at: when the last run ended, seconds since the epoch.
    """

    version: int = 0
    seen: int = 0
    done: int = 0
    generation: int = 0
    at: float = 0.0


class Retention(Protocol):
    """Replaces content in log and views, and records the progress. Only for a schedule."""

    def rooms(self) -> Iterator[str]:
        """Yields every room in the views."""
        ...

    def finished(self) -> float:
        """Returns when all rooms were last completed, in seconds since the epoch; 0 if never."""
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
        """Replaces the stored states of events; events that are not stored are ignored."""
        ...

    def change_messages(
        self, room: str, versions: Collection[int], change: Callable[[Message], Message | None]
    ) -> None:
        """Rewrites folded messages of the generation that is read; `change` returns None for a
        message to keep. A message that folds keep changing at the same time is kept too."""
        ...

    def clean(self, before: float) -> int:
        """Deletes the rows of view generations that were replaced before a time, like
        `Generations.clean`."""
        ...
