"""What the use cases need of the world. Adapters implement these; conformance suites
(tests/conformance) say what an implementation must keep."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from eventsourcing.persistence import StoredEvent

from domain.aggregate import Command
from domain.errors import ParleyError
from domain.protocol.types import Sealed
from domain.room.view import Message

Outcome = int | ParleyError
"""The version that answers a command, or its refusal."""

Reply = Callable[[Sequence[Outcome]], None]


class Executor(Protocol):
    """Decides commands and appends their events: the port that differs per runtime."""

    def execute(self, log_id: str, commands: Sequence[Command], reply: Reply) -> None:
        """Decides `commands` in turn and appends what they decide, all or nothing.

        `reply` is called once with an outcome per command, after the events are durable. On
        Lambda that is before `execute` returns; the local engine calls it later.
        """
        ...


class CommandIndex(Protocol):
    """Fingerprints of a log's commands, by segments (domain/retrying.py). It may be dropped."""

    def entries(self, log_id: str, low: int, high: int) -> dict[int, bytes]:
        """Returns the entries there are of the segments `low < number <= high`."""
        ...

    def keep(self, log_id: str, entries: Mapping[int, bytes]) -> None:
        """Keeps entries; those that are there already stay."""
        ...


class Vault(Protocol):
    """Keys of people. Destroying one erases what was sealed with it, everywhere."""

    def create(self, users: Sequence[str]) -> None:
        """Makes a key for each of `users` that never had one; durable on return."""
        ...

    def seal(self, user: str, text: str) -> Sealed:
        """Seals a text under the user's key. Raises Unauthenticated where it is gone."""
        ...

    def open(self, sealed: Sealed) -> str | None:
        """Opens a text; None where its key is gone."""
        ...

    def open_many(self, sealed: Sequence[Sealed]) -> list[str | None]:
        """Opens texts in order, each as `open` does; the keys are read together."""
        ...

    def digest(self, user: str, content: bytes) -> str:
        """Returns a digest of `content` that nobody can guess without the user's key."""
        ...

    def blind(self, text: str) -> str:
        """Returns a stable pseudonym of `text` under the installation's key."""
        ...

    def destroy(self, user: str) -> bool:
        """Destroys the user's key for good; returns whether there was one. No use of it that is
        under way leaves it in a cache."""
        ...

    def forget(self, user: str) -> None:
        """Drops the key from this process's cache: it may have been destroyed elsewhere."""
        ...


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


@dataclass(frozen=True, slots=True)
class Session:
    user: str
    session: str
    expires: float


class Accounts(Protocol):
    """Sessions by hashed token, nicknames and sign-in subjects by pseudonym, tickets by hash.

    Times are seconds since the epoch.
    """

    def claim_nickname(self, pseudonym: str, user: str, now: float) -> bool:
        """Gives the nickname to `user` unless somebody else with a live session holds it."""
        ...

    def nickname_holder(self, pseudonym: str) -> str | None:
        """Returns who claimed the nickname last; None where nobody did."""
        ...

    def put_session(self, token: str, session: Session) -> None: ...

    def prolong(self, token: str, expires: float) -> None:
        """Has a session live until then; one that ended meanwhile stays ended."""
        ...

    def session(self, token: str, now: float) -> Session | None: ...

    def sessions_of(self, user: str) -> dict[str, Session]:
        """Returns a person's sessions by token, expired ones that were not deleted yet
        included."""
        ...

    def end_session(self, token: str) -> Session | None:
        """Ends a session; its tickets are void."""
        ...

    def end_sessions_of(self, user: str) -> None:
        """Ends every session of a person, voids their tickets and frees their nickname."""
        ...

    def forget(self, user: str) -> None:
        """Does what `end_sessions_of` does, and deletes the person's e-mail address and what links
        nicknames to them; their sign-in subject stays theirs. May be repeated."""
        ...

    def put_ticket(self, ticket: str, session: Session) -> None: ...

    def take_ticket(self, ticket: str, now: float) -> Session | None:
        """Consumes a ticket; None where it is unknown, used or expired."""
        ...

    def drop_expired(self, now: float, more: Callable[[], bool]) -> int:
        """Deletes sessions and tickets that are over, while `more()`; returns how many."""
        ...

    def claim_subject(self, pseudonym: str, user: str) -> str:
        """Gives the sign-in subject to `user` unless somebody has it, for good; returns whose
        it is now. Of two at once both get the same answer."""
        ...

    def put_email(self, user: str, sealed: Sealed) -> None:
        """Keeps the person's e-mail address, sealed under their key, in place of the last."""
        ...

    def email(self, user: str) -> Sealed | None: ...


@dataclass(frozen=True, slots=True)
class Connection:
    id: str
    user: str
    session: str


Shard = tuple[int, int]
"""`(k, n)`: the k-th, from 0, of n parts of a room's connections. The parts of any n are disjoint
and have all connections between them."""


class Connections(Protocol):
    """Who is connected, and to which rooms."""

    def open(self, connection: Connection) -> None: ...

    def close(
        self, connection_id: str, room: str | None = None
    ) -> tuple[Connection, list[str]] | None:
        """Forgets a connection; returns it and the rooms it had, or None if unknown.

        With `room`, where it was met, it is not met there again even if it is unknown.
        """
        ...

    def stale(self) -> Iterator[str]:
        """Yields connections older than any can be, whose closing nobody told. Not for paths
        that a person triggers: it reads them all."""
        ...

    def young(self, connection_ids: Sequence[str]) -> Sequence[str]:
        """Returns those opened so lately that the gateway may not know them yet."""
        ...

    def subscribe(self, connection_id: str, room: str, version: int = 0) -> bool:
        """Subscribes a connection that saw the room at `version`.

        Returns whether it is the person's first connection in the room.
        """
        ...

    def unsubscribe(
        self, user: str, room: str, before: int | None = None, shard: Shard | None = None
    ) -> None:
        """Takes the person's connections out of the room; with `before`, those alone that saw
        it below that version: who left and came back has synced since. With `shard`, those
        alone that are in it."""
        ...

    def in_room(self, room: str, shard: Shard | None = None) -> Sequence[str]: ...

    def some_in_room(self, room: str, limit: int) -> tuple[Sequence[str], int]:
        """Returns at most `limit` of a room's connections and about how many it has: exactly
        where that is no more than `limit`, else a number above it."""
        ...

    def of_user(self, user: str) -> Sequence[str]: ...

    def of_session(self, user: str, session: str) -> Sequence[str]:
        """Returns connections of one of the person's sessions."""
        ...

    def in_room_of(self, user: str, room: str) -> bool: ...

    def online(self, room: str, limit: int) -> list[str]: ...


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


class Gateway(Protocol):
    """Posts frames to connections, as API Gateway's PostToConnection does."""

    def post(self, connection_ids: Sequence[str], frame: bytes) -> list[str]:
        """Sends the frame to each; returns those that are gone."""
        ...

    def close(self, connection_id: str, code: int) -> None: ...


class Limiter(Protocol):
    """Allowances, each refilled over time. A key is a person for commands, `reads:PERSON` for what
    they read, `from:ADDRESS` for entries."""

    def allow(self, user: str, cost: int = 1) -> bool:
        """Takes `cost` off an allowance; False, and nothing is taken, where less is left.

        A cost above what the allowance can ever hold takes all of a full one.
        """
        ...


class Origin(Protocol):
    def admits(self, shown: str) -> bool:
        """Returns whether what a request shows proves that it came by the web app's address."""
        ...


class Metrics(Protocol):
    """Counts of what an operator is to hear of. See domain/metrics.py for their names."""

    def add(self, name: str, count: int = 1) -> None: ...

    def flush(self) -> None:
        """Tells the counts; called at the end of each invocation."""
        ...


class Background(Protocol):
    def run(self, work: Callable[[], None], owner: str = "") -> None:
        """Runs `work` apart from what must answer at once; on Lambda, right away.

        Raises
        ------
        RateLimited: too much of the owner's work waits already, or of everybody's.
        """
        ...

    def presence_check(self, user: str, rooms: Sequence[str]) -> None:
        """Has `Chat.settle_presence` called after the grace time."""
        ...
