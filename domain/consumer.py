"""What a consumer of events does, and the ways in which it may fail (rule 8)."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from eventsourcing.persistence import PersistenceError

from domain.aggregate import Event
from domain.errors import Throttled


class Transient(Exception):
    """A transient failure: the record is retried, not parked."""


TRANSIENT = (Transient, Throttled, OSError, PersistenceError)


class Partly(Exception):
    """A part of what a consumer does with an event failed.

    Attributes
    ----------
    reason: what failed and why, for the parked event.
    rest: applies the event without that part.
    """

    def __init__(self, reason: str, rest: Callable[[], None]) -> None:
        super().__init__(reason)
        self.reason = reason
        self.rest = rest


class PartlyForNow(Partly, Transient):
    """The same, for a transient reason."""


class Consumer(Protocol):
    """One projector or process.

    Attributes
    ----------
    name: name under which its parked events are stored.
    gapless: whether it needs every event of a stream, in order. A consumer that does not gets
        events as they arrive, also repeated ones.
    """

    name: str
    gapless: bool

    def last(self, stream: str) -> int | None:
        """Returns the last applied version of a stream; None to begin with the next event."""
        ...

    def apply(self, stream: str, events: Sequence[Event]) -> None:
        """Applies events that follow `last` without a gap, all or nothing."""
        ...

    def skip(self, stream: str, version: int) -> None:
        """Skips a version without applying it."""
        ...

    def reset(self, stream: str) -> None:
        """Drops the stream's state, to fold it again."""
        ...


@runtime_checkable
class Remembering(Protocol):
    """A consumer whose `last` may be cached, while other processes have gone further."""

    def refresh(self, stream: str) -> None:
        """Makes `last` read the stored version."""
        ...
