"""Frames that the server sends, and the folded forms inside them.

The hot path writes these forms as plain dicts; tests validate each of them with these models, and
the web app's types are generated from them.
"""

import inspect
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, is_typeddict

from pydantic import Field, TypeAdapter, create_model

import domain.room  # noqa: F401  registers the events
from domain.aggregate import Event
from domain.person.person import PERSON_EVENTS
from domain.protocol import fields
from domain.protocol.fields import MessageKind, Role, RoomKind, Wire
from domain.protocol.types import Asked, is_sealed, mark, stored
from domain.room.room import ROOM_EVENTS
from domain.room.view import EXTRAS, FACTS

ErrorCode = Literal[
    "invalid",
    "unauthenticated",
    "not_a_member",
    "forbidden",
    "not_found",
    "nickname_taken",
    "room_exists",
    "room_full",
    "room_busy",
    "too_large",
    "rate_limited",
    "internal",
]
Words = str | None
"""Free text; null once its writer's key is destroyed; a message's text also once the message is
deleted."""


class Envelope(Wire):
    """The fields of every event of a room.

    Attributes
    ----------
    version: the event's position in the room's log, 1, 2, 3 … with no gap.
    at: when it happened, UTC ISO 8601 with microseconds (an import keeps the source's time).
    by: opaque id of the person who did it.
    id: id of the command that caused it.
    """

    version: int
    at: str
    by: str
    id: str | None = None


def _field(declared: Any) -> tuple[Any, Any]:
    """Returns the type and the default of a field in the protocol's form."""
    if is_sealed(declared):
        return Words, ...
    kind = stored(declared)
    asked = mark(declared)
    if isinstance(asked, Asked):
        kind = fields.named(asked.type, asked.most)
    return kind, None if type(None) in get_args(kind) else ...


def event_model(event: type[Event]) -> type[Envelope]:
    """Returns the model of an event in the protocol's form, generated from the event's class."""
    name = event.__name__
    data: dict[str, Any] = {
        field: _field(event.__annotations__[field]) for field in event.data_fields
    }
    told = inspect.getdoc(event) or ""
    about = None if told.startswith(f"{name}(") else told
    body = create_model(name, __base__=Wire, __doc__=about, **data)
    envelope: dict[str, Any] = {"type": (Literal[name], ...), "data": (body, ...)}
    return create_model(f"{name}Event", __base__=Envelope, **envelope)


def _one_of(events: Iterable[type[Event]]) -> Any:
    models = tuple(event_model(event) for event in events)
    return Annotated[Union[models], Field(discriminator="type")]  # noqa: UP007


if TYPE_CHECKING:
    RoomEvent = Any
    PersonEvent = Any
else:
    RoomEvent = _one_of(ROOM_EVENTS)
    PersonEvent = _one_of(PERSON_EVENTS)

People = dict[str, Words]
"""Display names by person id, for the authors that a frame mentions."""


class _Message(Wire):
    """A folded message.

    Attributes
    ----------
    version: version of the event that posted it; its identity in the room.
    id: of the command that posted it, unique for its writer; null where a release before this
        field folded the message.
    n: the message's ordinal in the room, 1, 2, 3 …
    text: null if it was deleted, its writer was erased or it is no longer kept.
    reactions: emoji to the ids of the people who reacted, in order.
    """

    version: int
    id: str | None = None
    by: str
    at: str
    text: Words
    kind: MessageKind
    n: int
    reply_to: int | None = None
    edited_at: str | None = None
    deleted: bool = False
    reactions: dict[str, list[str]] = Field(default_factory=dict)


_extras: dict[str, Any] = {name: (kind | None, None) for name, kind in EXTRAS.items()}

if TYPE_CHECKING:
    Message = _Message
else:
    Message = create_model("Message", __base__=_Message, __doc__=_Message.__doc__, **_extras)


def fact_model(kind: Any) -> Any:
    """Returns the type of a fact in the protocol's form."""
    if not is_typeddict(kind):
        return kind
    declared: dict[str, Any] = {
        name: _field(annotation) for name, annotation in kind.__annotations__.items()
    }
    return create_model(kind.__name__, __base__=Wire, __doc__=inspect.getdoc(kind), **declared)


_facts: dict[str, Any] = {name: (fact_model(kind) | None, None) for name, kind in FACTS.items()}

if TYPE_CHECKING:
    Facts = Any
else:
    Facts = create_model(
        "Facts",
        __base__=Wire,
        __doc__="Facts of a room besides its name, kind and members; one that never was is absent.",
        **_facts,
    )


class Snapshot(Wire):
    """A room at `version`, with its newest messages (oldest first)."""

    version: int
    name: Words
    kind: RoomKind
    role: Role | None
    member_count: int
    unread: int
    messages: list[Message]
    people: People
    facts: Facts | None = None


class SyncedRoom(Wire):
    """One room of a `synced` frame: events, or a snapshot, or an error.

    `complete` is true only if the events reach `head`. The last part has `online`.
    """

    head: int | None = None
    complete: bool = False
    events: list[RoomEvent] | None = None
    snapshot: Snapshot | None = None
    error: ErrorCode | None = None
    people: People | None = None
    online: list[str] | None = None


class Ack(Wire):
    type: Literal["ack"]
    id: str
    room: str
    version: int


class Error(Wire):
    type: Literal["error"]
    id: str | None = None
    code: ErrorCode
    message: str


class Events(Wire):
    type: Literal["events"]
    room: str
    events: list[RoomEvent]
    people: People


class User(Wire):
    """Events of the person's own log; `version` is the version of the last one."""

    type: Literal["user"]
    version: int
    events: list[PersonEvent]


class Synced(Wire):
    type: Literal["synced"]
    id: str
    rooms: dict[str, SyncedRoom]
    more: bool = False


class Presence(Wire):
    type: Literal["presence"]
    room: str
    user: str
    state: Literal["online", "offline"]


class Typing(Wire):
    type: Literal["typing"]
    room: str
    user: str


class Pong(Wire):
    """Answers `ping`; it names the logs of which the client lacks events.

    Attributes
    ----------
    heads: last version, by room, of the rooms that are ahead of the client.
    user: last version of the person's own log, if that is ahead of the client.
    """

    type: Literal["pong"]
    heads: dict[str, int] | None = None
    user: int | None = None


ServerFrame = Annotated[
    Ack | Error | Events | User | Synced | Presence | Typing | Pong, Field(discriminator="type")
]
server_frame: TypeAdapter[Any] = TypeAdapter(ServerFrame)
