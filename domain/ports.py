"""What the use cases need of the world. Adapters implement these; conformance suites
(tests/conformance) say what an implementation must keep."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from domain.aggregate import Command, Sealed
from domain.errors import ParleyError
from domain.projections.room_view import Message, RoomView

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

    def digest(self, user: str, content: bytes) -> str:
        """Returns a digest of `content` that nobody can guess without the user's key."""
        ...

    def blind(self, text: str) -> str:
        """Returns a stable pseudonym of `text` under the installation's key."""
        ...

    def destroy(self, user: str) -> bool:
        """Destroys the user's key for good; returns whether there was one."""
        ...


class Views(Protocol):
    """Folded rooms and read marks. Texts and names stand in them sealed."""

    def header(self, room: str) -> dict[str, Any] | None: ...

    def message(self, room: str, version: int) -> Message | None: ...

    def page(self, room: str, before: int | None, limit: int) -> list[Message]:
        """Returns the newest `limit` messages with a version below `before`, oldest first."""
        ...

    def ordinal(self, room: str, version: int) -> int:
        """Returns `n` of the newest message at or below `version`; 0 where there is none."""
        ...

    def member(self, room: str, user: str) -> dict[str, Any] | None:
        """Returns `{name, role, posted}`; role is None for one who left."""
        ...

    def members(self, room: str, after: str, limit: int) -> list[dict[str, Any]]:
        """Returns `{user, name, role}` of those present, by user id."""
        ...

    def names(self, room: str, users: Sequence[str]) -> dict[str, Sealed]:
        """Returns names of members, past ones included."""
        ...

    def rooms_of(self, user: str) -> list[tuple[str, str, int]]:
        """Returns (room, role, version of the user's newest post) of their rooms."""
        ...

    def listed_rooms(self) -> list[str]:
        """Returns the ids of public and broadcast rooms."""
        ...

    def save_room(self, room: str, expected: int, view: RoomView) -> bool:
        """Keeps what the fold changed; False, and nothing kept, where the stored version is
        not `expected`."""
        ...

    def reset_room(self, room: str) -> None:
        """Drops the room's view, to be folded anew."""
        ...

    def person_version(self, user: str) -> int: ...

    def marks(self, user: str) -> dict[str, int]: ...

    def save_person(
        self, user: str, expected: int, version: int, marks: Mapping[str, int]
    ) -> bool: ...

    def reset_person(self, user: str) -> None: ...

    def dump(self) -> Iterator[dict[str, Any]]:
        """Yields every row in a fixed order; equal dumps are equal views."""
        ...

    def clear(self) -> None: ...


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

    def unpark(self, consumer: str, stream: str, upto: int) -> None:
        """Forgets what was parked of a stream up to a version."""
        ...

    def forget(self, consumer: str) -> None:
        """Forgets all about a consumer, so that it begins anew."""
        ...


@dataclass(frozen=True, slots=True)
class Session:
    user: str
    session: str
    expires: float


class Accounts(Protocol):
    """Sessions by hashed token, nicknames by pseudonym, tickets by hash.

    Times are seconds since the epoch.
    """

    def claim_nickname(self, pseudonym: str, user: str, now: float) -> bool:
        """Gives the nickname to `user` unless somebody else with a live session holds it."""
        ...

    def put_session(self, token: str, session: Session) -> None: ...

    def session(self, token: str, now: float) -> Session | None: ...

    def end_session(self, token: str) -> Session | None:
        """Ends a session; its tickets are void."""
        ...

    def end_sessions_of(self, user: str) -> None:
        """Ends every session of a person, voids their tickets and frees their nickname."""
        ...

    def put_ticket(self, ticket: str, session: Session) -> None: ...

    def take_ticket(self, ticket: str, now: float) -> Session | None:
        """Consumes a ticket; None where it is unknown, used or expired."""
        ...


@dataclass(frozen=True, slots=True)
class Connection:
    id: str
    user: str
    session: str


class Connections(Protocol):
    """Who is connected, and to which rooms."""

    def open(self, connection: Connection) -> None: ...

    def close(self, connection_id: str) -> tuple[Connection, list[str]] | None:
        """Forgets a connection; returns it and the rooms it had, or None if unknown."""
        ...

    def subscribe(self, connection_id: str, room: str, version: int = 0) -> bool:
        """Subscribes a connection that saw the room at `version`.

        Returns whether it is the person's first connection in the room.
        """
        ...

    def unsubscribe(self, user: str, room: str, before: int | None = None) -> None:
        """Takes the person's connections out of the room; with `before`, those alone that saw
        it below that version: who left and came back has synced since."""
        ...

    def in_room(self, room: str) -> Sequence[str]: ...

    def of_user(self, user: str) -> Sequence[str]: ...

    def of_session(self, session: str) -> Sequence[str]: ...

    def in_room_of(self, user: str, room: str) -> bool: ...

    def online(self, room: str, limit: int) -> list[str]: ...


class Gateway(Protocol):
    """Posts frames to connections, as API Gateway's PostToConnection does."""

    def post(self, connection_ids: Sequence[str], frame: bytes) -> list[str]:
        """Sends the frame to each; returns those that are gone."""
        ...

    def close(self, connection_id: str, code: int) -> None: ...


class Limiter(Protocol):
    def allow(self, user: str) -> bool:
        """Takes one command off the person's allowance."""
        ...


class Background(Protocol):
    def run(self, work: Callable[[], None]) -> None:
        """Runs `work` apart from what must answer at once; on Lambda, right away."""
        ...

    def presence_check(self, user: str, rooms: Sequence[str]) -> None:
        """Has `Chat.settle_presence` called after the grace time."""
        ...
