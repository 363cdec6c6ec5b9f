"""Consumers' positions, their parked events, and the shards of large rooms."""

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Parked:
    """An event that a consumer could not apply and skipped."""

    consumer: str
    stream: str
    version: int
    reason: str
    at: str


class Progress(Protocol):
    """Each consumer's position and its parked events."""

    def position(self, consumer: str) -> int:
        """Returns the last notification id that the consumer has handled."""
        ...

    def advance(self, consumer: str, position: int) -> None: ...

    def together(self) -> AbstractContextManager[object]:
        """Combines the writes within it into one write, including views in the same store."""
        ...

    def park(self, parked: Parked) -> None:
        """Records a parked event; once for the same consumer, stream and version."""
        ...

    def parked(self) -> list[Parked]: ...

    def unpark(self, consumer: str, stream: str, upto: int, keep: Collection[int] = ()) -> None:
        """Drops the parked events of a stream up to a version, except the versions to `keep`."""
        ...

    def forget(self, consumer: str) -> None:
        """Drops all progress of a consumer, so that it starts again."""
        ...


class Cursors(Protocol):
    """A consumer's position in each of its lanes: a stream, or a part of a stream.

    Attributes
    ----------
    durable: whether cursors outlive the process. Then a process may have moved one and crashed
        before it handled the events.
    """

    durable: bool

    def advance(self, lane: str, first: int, last: int) -> int | None:
        """Moves a cursor from `first - 1`, or from nowhere, to `last`.

        Returns None if this call moved it, otherwise its current version. A call that was retried
        because an answer was lost still recognises its own move. Raises OSError or Throttled if it
        is unknown whether the cursor moved.
        """
        ...

    def retreat(self, lane: str, first: int, last: int) -> None:
        """Reverts `advance`, unless the cursor was moved since."""
        ...

    def moved_before(self, lane: str) -> float:
        """Returns the time of the cursor's move before this process's last one, by any process:
        seconds since the epoch, 0 if unknown. Costs no call."""
        ...


class Shards(Protocol):
    """Hands the delivery of a large room's events on, shard by shard."""

    def enqueue(self, room: str, events: Sequence[tuple[int, bytes]], of: int) -> None:
        """Queues each of (version, envelope) for each of `of` shards, in order.

        The queued record is the envelope with `"shard": [k, of]` in it. Raises OSError or Throttled
        if some could not be queued; repeating is safe.
        """
        ...
