"""Code that the aggregates share: events, the command window, folding.

Events and aggregates satisfy the protocols of the `eventsourcing` library, whose mapper, event
store and repository store and fold them. Field names and topics are a STORAGE FORMAT: see
docs/events.md before a change.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Self

import orjson
from eventsourcing.persistence import Transcoder

from domain.errors import CommandIdReused
from domain.protocol.types import Sealed, is_sealed

if TYPE_CHECKING:
    from domain.room.tail import Tail

WINDOW = 256
"""Number of command ids in the command window (docs/architecture.md, rule 6)."""

AGGREGATE_BYTES = 1_000
REMEMBERED_BYTES = 400
"""Bytes of an aggregate in memory without its members, and of an id in its command window (measured
by tests/unit/test_memory.py)."""

NOT_KEPT: Sealed = {"k": "-", "c": ""}
"""Replaces a text that is no longer kept: the key `-` never exists. A STORAGE FORMAT."""


@dataclass(kw_only=True)
class Event:
    """One entry of a log.

    Attributes
    ----------
    originator_id: id of the log: a room's or a person's id.
    originator_version: the event's position in the log, 1, 2, 3 …
    at: when it happened, UTC ISO 8601 with microseconds.
    recorded_at: when it was appended, likewise.
    by: id of the person who did it.
    id: id of the command that caused it.
    digest: keyed digest of that command's content; distinguishes a retry from a reused id.
    """

    TOPIC: ClassVar[str]
    class_version: ClassVar[int] = 1
    hidden: ClassVar[tuple[str, ...]] = ()
    """Fields that the protocol does not show."""
    content: ClassVar[tuple[str, ...]] = ()
    """Sealed fields that retention replaces: texts, but not people or rooms."""
    data_fields: ClassVar[tuple[str, ...]] = ()
    sealed_fields: ClassVar[dict[str, tuple[str, ...]]] = {}
    """Of every event, by its type on the wire: the fields of its data that are sealed."""

    topics: ClassVar[dict[str, str]] = {}
    """The name of every event's class, by its topic."""

    originator_id: str
    originator_version: int
    at: str
    recorded_at: str
    by: str
    id: str
    digest: str

    def __init_subclass__(cls) -> None:
        """Raises TypeError if another event has the name or the topic."""
        super().__init_subclass__()
        if cls.__name__ in Event.sealed_fields:
            raise TypeError(f"there are two events {cls.__name__}")
        topic = vars(cls).get("TOPIC")
        if topic in Event.topics:
            raise TypeError(f"the topic {topic} is taken by {Event.topics[topic]}")
        if topic is not None:
            Event.topics[topic] = cls.__name__
        shared = {*Event.__annotations__, *cls.hidden}
        cls.data_fields = tuple(name for name in cls.__annotations__ if name not in shared)
        Event.sealed_fields[cls.__name__] = tuple(
            name for name in cls.data_fields if is_sealed(cls.__annotations__[name])
        )

    def apply(self, aggregate: Any) -> None:
        """Changes the aggregate's state; the caller sets the version."""

    def mutate(self, aggregate: Any) -> Any:
        """Folds the event onto its aggregate; None means the empty one."""
        if aggregate is None:
            aggregate = self.empty(self.originator_id)
        aggregate.fold(self)
        return aggregate

    @staticmethod
    def empty(originator_id: str) -> "Aggregate":
        """Returns the aggregate before its first event."""
        raise NotImplementedError

    def wire(self) -> dict[str, Any]:
        """Returns the event as the protocol shows it, its texts still sealed."""
        values = vars(self)
        return {
            "version": self.originator_version,
            "type": type(self).__name__,
            "at": self.at,
            "by": self.by,
            "data": {name: values[name] for name in self.data_fields},
            "id": self.id,
        }


@dataclass(kw_only=True, slots=True)
class Command:
    """A person's request to an aggregate.

    Attributes
    ----------
    by: id of the person who sends it.
    id: id of the command; a retry has the same one.
    at, recorded_at: times for its events.
    digest: keyed digest of the content.
    since: the version that the client held when it first sent the command, or None.
    sought: the version up to which the log was searched for this command, beyond the window.
    found: (version, digest) of the command that the search found.
    """

    by: str
    id: str
    at: str
    recorded_at: str
    digest: str
    since: int | None = None
    sought: int = 0
    found: tuple[int, str] | None = None


MessageOf = Callable[[int], dict[str, Any] | None]
"""Returns the folded message of a version, up to the aggregate's head."""


class Aggregate:
    """State for deciding, folded from one log."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.version = 0
        self.forgotten = 0
        """Version of the newest event whose command has left the window."""
        self.recent: dict[tuple[str, str], tuple[int, str]] = {}
        self.tail: Tail | None = None
        """The messages that deciding has folded so far; dropped with the aggregate."""
        self._pending: list[Event] = []

    def weight(self) -> int:
        """Returns an estimate of the aggregate's bytes in memory."""
        tail = 0 if self.tail is None else self.tail.weight
        return AGGREGATE_BYTES + len(self.recent) * REMEMBERED_BYTES + tail

    def fold(self, event: Event) -> None:
        """Applies the next event.

        Raises
        ------
        ValueError: the event belongs to another log or is not the next one.
        """
        if event.originator_id != self.id or event.originator_version != self.version + 1:
            raise ValueError(
                f"{event.originator_id}:{event.originator_version} "
                f"does not follow {self.id}:{self.version}"
            )
        event.apply(self)
        self.version = event.originator_version
        self.remember(event.by, event.id, event.originator_version, event.digest)

    def remember(self, by: str, id: str, version: int, digest: str) -> None:
        key = (by, id)
        # A command with two events is recorded with its last one, as the newest entry.
        self.recent.pop(key, None)
        self.recent[key] = (version, digest)
        if len(self.recent) > WINDOW:
            oldest = next(iter(self.recent))
            self.forgotten = self.recent.pop(oldest)[0]

    def recall(self, command: Command) -> int | None:
        """Returns the version that answered this command before, if it is in the window.

        Raises
        ------
        CommandIdReused: the id was used with other content.
        """
        known = self.recent.get((command.by, command.id))
        if known is None:
            return None
        version, digest = known
        if digest != command.digest:
            raise CommandIdReused
        return version

    def append(self, event_class: type[Event], command: Command, **data: Any) -> int:
        """Adds an event of the command; returns its version."""
        event = event_class(
            originator_id=self.id,
            originator_version=self.version + 1,
            at=command.at,
            recorded_at=command.recorded_at,
            by=command.by,
            id=command.id,
            digest=command.digest,
            **data,
        )
        self.fold(event)
        self._pending.append(event)
        return event.originator_version

    def knows(self, user: str) -> bool:
        """Returns whether a person belongs to this log: retries of other people are not looked
        up."""
        return True

    def decide(self, command: Command, message_of: MessageOf) -> int:
        """Decides a new command; returns the version that answers it."""
        raise NotImplementedError

    @property
    def pending(self) -> Sequence[Event]:
        """Decided events that are not yet collected for saving."""
        return self._pending

    def collect_events(self) -> Sequence[Event]:
        """Returns the pending events for saving and clears them."""
        collected, self._pending = self._pending, []
        return collected


def window_state(aggregate: Aggregate) -> dict[str, Any]:
    """Returns the window in the form of a snapshot."""
    return {
        "forgotten": aggregate.forgotten,
        "recent": [[by, id, *known] for (by, id), known in aggregate.recent.items()],
    }


def restore_window(aggregate: Aggregate, state: dict[str, Any]) -> None:
    aggregate.forgotten = state["forgotten"]
    aggregate.recent = {(by, id): (version, digest) for by, id, version, digest in state["recent"]}


@dataclass(kw_only=True)
class Snapshot:
    """An aggregate's state at a version; it only speeds up reading and may be deleted at any
    time."""

    TOPIC: ClassVar[str]
    class_version: ClassVar[int] = 1

    originator_id: str
    originator_version: int
    state: dict[str, Any]

    @classmethod
    def take(cls, aggregate: Any) -> Self:
        return cls(
            originator_id=aggregate.id,
            originator_version=aggregate.version,
            state=aggregate.snapshot_state(),
        )

    def mutate(self, _: None) -> Any:
        raise NotImplementedError


class OrjsonTranscoder(Transcoder):
    """State as JSON. Events contain only JSON types, so no transcodings are needed."""

    def encode(self, obj: Any) -> bytes:
        return orjson.dumps(obj)

    def decode(self, data: bytes) -> Any:
        return orjson.loads(data)


def event_fields(event_class: type[Event]) -> list[str]:
    """Returns the stored field names of an event class."""
    return [field.name for field in fields(event_class)]
