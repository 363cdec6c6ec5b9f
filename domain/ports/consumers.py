"""How far consumers came, what they parked, and the parts of a large room that they share."""

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Parked:
    """An event that a consumer could not apply and went past."""

    consumer: str
    stream: str
    version: int
    reason: str
    at: str


class Progress(Protocol):
    """How far each consumer came, and what it parked."""

    def position(self, consumer: str) -> int:
        """Returns the last notification id that the consumer is done with."""
        ...

    def advance(self, consumer: str, position: int) -> None: ...

    def together(self) -> AbstractContextManager[object]:
        """Makes what is written within one write, of views in the same store too."""
        ...

    def park(self, parked: Parked) -> None:
        """Records a parked event; once for the same consumer, stream and version."""
        ...

    def parked(self) -> list[Parked]: ...

    def unpark(self, consumer: str, stream: str, upto: int, keep: Collection[int] = ()) -> None:
        """Forgets what was parked of a stream up to a version, save the versions to `keep`."""
        ...

    def forget(self, consumer: str) -> None:
        """Forgets all about a consumer, so that it begins anew."""
        ...


class Cursors(Protocol):
    """How far a consumer came in each of its lanes: a stream, or a stream's part.

    Attributes
    ----------
    durable: whether cursors outlive the process. Then one may have been moved by a process that
        died before it did what it moved for.
    """

    durable: bool

    def advance(self, lane: str, first: int, last: int) -> int | None:
        """Moves a cursor from `first - 1`, or from nowhere, to `last`.

        Returns None where this call moved it, else the version at which it stands. A call that
        had to be retried since the answer of a try was lost still tells its own move from
        another's. Raises OSError or Throttled where it is unknown whether the cursor moved.
        """
        ...

    def retreat(self, lane: str, first: int, last: int) -> None:
        """Takes back what `advance` did, unless the cursor was moved since."""
        ...

    def moved_before(self, lane: str) -> float:
        """Returns when the cursor was moved before this process moved it last, by whichever process
        that was: seconds since the epoch, 0 where that is not known. Costs no call."""
        ...


class Shards(Protocol):
    """Hands the delivery of a large room's events on, part by part."""

    def enqueue(self, room: str, events: Sequence[tuple[int, bytes]], of: int) -> None:
        """Has each of (version, envelope) delivered to each of `of` shards, in order.

        What comes back is the envelope with `"shard": [k, of]` in it. Raises OSError or
        Throttled where not all could be handed on; doing it again is safe.
        """
        ...
