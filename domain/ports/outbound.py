"""Ports for outgoing events: the topic, the archive, notices to people."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from eventsourcing.persistence import StoredEvent


class Topic(Protocol):
    """The destination for published events, in the order of each stream."""

    def publish(self, events: Sequence[StoredEvent]) -> list[int]:
        """Publishes events, each stream in order; returns the positions in `events` of those that
        failed.

        After a failed event, no later event of its stream is tried.
        """
        ...


class Archive(Protocol):
    """The store of events for analysis and for rebuilding the log."""

    def put(self, documents: Sequence[bytes]) -> list[int]:
        """Stores JSON documents; returns the positions in `documents` of those that were not
        accepted."""
        ...


class Once(Protocol):
    """Permanent marks of completed work."""

    def claim(self, stream: str, version: int, what: str) -> bool:
        """Marks `what` as done for an event; False if it was marked before."""
        ...

    def release(self, stream: str, version: int, what: str) -> None:
        """Removes the mark, because the work was not done."""
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """Notifies a person of a message, in addition to the room's pushes; never contains its text.

    Attributes
    ----------
    kind: `mention` or `direct`.
    name: the room's name; None if it cannot be read.
    """

    user: str
    kind: str
    room: str
    version: int
    name: str | None


class Notifier(Protocol):
    """One channel to reach people.

    Attributes
    ----------
    channel: its name in the marks of sent notices.
    """

    channel: str

    def notify(self, notice: Notice) -> None:
        """Sends the notice; does nothing if the person cannot be reached this way.

        Raises
        ------
        domain.errors.Throttled: it was certainly not sent and may be retried.
        """
        ...
