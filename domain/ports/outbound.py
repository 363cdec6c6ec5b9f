"""Ports of what leaves the log: the topic, the archive, notices to people."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from eventsourcing.persistence import StoredEvent


class Topic(Protocol):
    """Where events are announced, in the order of each stream."""

    def publish(self, events: Sequence[StoredEvent]) -> list[int]:
        """Publishes events, those of a stream in order; returns the places in `events` of those
        that could not be.

        After one that could not be, none of its stream are tried.
        """
        ...


class Archive(Protocol):
    """Where events are kept for analysis and for rebuilding the log."""

    def put(self, documents: Sequence[bytes]) -> list[int]:
        """Takes JSON documents; returns the places in `documents` of those not taken."""
        ...


class Once(Protocol):
    """Marks of what was done, for good."""

    def claim(self, stream: str, version: int, what: str) -> bool:
        """Marks `what` as done because of an event; False where it was marked before."""
        ...

    def release(self, stream: str, version: int, what: str) -> None:
        """Takes the mark away: it turned out not to be done."""
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """Tells a person, apart from the rooms' pushes, of a message; never what it says.

    Attributes
    ----------
    kind: `mention` or `direct`.
    name: the room's name; None where it cannot be read.
    """

    user: str
    kind: str
    room: str
    version: int
    name: str | None


class Notifier(Protocol):
    """One way to reach people.

    Attributes
    ----------
    channel: names it in the marks of what was sent.
    """

    channel: str

    def notify(self, notice: Notice) -> None:
        """Sends the notice; silent where the person cannot be reached this way.

        Raises
        ------
        domain.errors.Throttled: it was surely not sent and may be tried again.
        """
        ...
