"""Frames that the server sends, and the folded shapes inside them.

The hot path writes these shapes as plain dicts; tests hold every one of them against these
models, and the web app's types are generated from them.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from domain.protocol.fields import MessageKind, Role, RoomKind, Wire

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
"""Free text; null once its writer's key was destroyed, and a message's once it was deleted."""


class RoomCreated(Wire):
    name: Words
    kind: RoomKind


class MemberJoined(Wire):
    user: str
    name: Words
    role: Role


class MemberLeft(Wire):
    user: str
    reason: Literal["left", "removed"]


class MemberRenamed(Wire):
    user: str
    name: Words


class RoleChanged(Wire):
    user: str
    role: Role


class MemberInvited(Wire):
    user: str
    name: Words
    role: Role


class InvitationDeclined(Wire):
    """By the invited person, or withdrawn by another."""

    user: str


class MessagePosted(Wire):
    text: Words
    kind: MessageKind
    n: int
    reply_to: int | None = None


class MessageEdited(Wire):
    message: int
    text: Words


class MessageDeleted(Wire):
    message: int


class ReactionAdded(Wire):
    message: int
    emoji: str


class ReactionRemoved(Wire):
    message: int
    emoji: str


class Envelope(Wire):
    """What every event of a room has.

    Attributes
    ----------
    version: the event's place in the room's log, 1, 2, 3 … with no gap.
    at: when it happened, UTC ISO 8601 with microseconds (an import keeps the source's time).
    by: opaque id of the person who did it.
    id: id of the command that caused it.
    """

    version: int
    at: str
    by: str
    id: str | None = None


class RoomCreatedEvent(Envelope):
    type: Literal["RoomCreated"]
    data: RoomCreated


class MemberJoinedEvent(Envelope):
    type: Literal["MemberJoined"]
    data: MemberJoined


class MemberLeftEvent(Envelope):
    type: Literal["MemberLeft"]
    data: MemberLeft


class MemberRenamedEvent(Envelope):
    type: Literal["MemberRenamed"]
    data: MemberRenamed


class RoleChangedEvent(Envelope):
    type: Literal["RoleChanged"]
    data: RoleChanged


class MemberInvitedEvent(Envelope):
    type: Literal["MemberInvited"]
    data: MemberInvited


class InvitationDeclinedEvent(Envelope):
    type: Literal["InvitationDeclined"]
    data: InvitationDeclined


class MessagePostedEvent(Envelope):
    type: Literal["MessagePosted"]
    data: MessagePosted


class MessageEditedEvent(Envelope):
    type: Literal["MessageEdited"]
    data: MessageEdited


class MessageDeletedEvent(Envelope):
    type: Literal["MessageDeleted"]
    data: MessageDeleted


class ReactionAddedEvent(Envelope):
    type: Literal["ReactionAdded"]
    data: ReactionAdded


class ReactionRemovedEvent(Envelope):
    type: Literal["ReactionRemoved"]
    data: ReactionRemoved


RoomEvent = Annotated[
    RoomCreatedEvent
    | MemberJoinedEvent
    | MemberLeftEvent
    | MemberRenamedEvent
    | RoleChangedEvent
    | MemberInvitedEvent
    | InvitationDeclinedEvent
    | MessagePostedEvent
    | MessageEditedEvent
    | MessageDeletedEvent
    | ReactionAddedEvent
    | ReactionRemovedEvent,
    Field(discriminator="type"),
]


class PersonRegistered(Wire):
    name: Words


class SessionStarted(Wire):
    session: str


class SessionEnded(Wire):
    session: str


class ReadMarked(Wire):
    room: str
    version: int


class RoomGained(Wire):
    room: str
    role: Role
    room_version: int


class RoomLost(Wire):
    room: str
    room_version: int


class RoomOffered(Wire):
    """The event's `by` invites; `role` is what joining gives."""

    room: str
    role: Role
    room_version: int


class OfferClosed(Wire):
    """Declined where the event's `by` is the person, else withdrawn."""

    room: str
    room_version: int


class NoticesSet(Wire):
    mail: bool


class FileImported(Wire):
    room: str
    file: str


class PersonRegisteredEvent(Envelope):
    type: Literal["PersonRegistered"]
    data: PersonRegistered


class SessionStartedEvent(Envelope):
    type: Literal["SessionStarted"]
    data: SessionStarted


class SessionEndedEvent(Envelope):
    type: Literal["SessionEnded"]
    data: SessionEnded


class ReadMarkedEvent(Envelope):
    type: Literal["ReadMarked"]
    data: ReadMarked


class RoomGainedEvent(Envelope):
    type: Literal["RoomGained"]
    data: RoomGained


class RoomLostEvent(Envelope):
    type: Literal["RoomLost"]
    data: RoomLost


class RoomOfferedEvent(Envelope):
    type: Literal["RoomOffered"]
    data: RoomOffered


class OfferClosedEvent(Envelope):
    type: Literal["OfferClosed"]
    data: OfferClosed


class NoticesSetEvent(Envelope):
    type: Literal["NoticesSet"]
    data: NoticesSet


class FileImportedEvent(Envelope):
    type: Literal["FileImported"]
    data: FileImported


class PersonErased(Wire):
    """The person's key was destroyed; every connection of theirs is closed with 4401."""


class PersonErasedEvent(Envelope):
    type: Literal["PersonErased"]
    data: PersonErased


PersonEvent = Annotated[
    PersonRegisteredEvent
    | SessionStartedEvent
    | SessionEndedEvent
    | ReadMarkedEvent
    | RoomGainedEvent
    | RoomLostEvent
    | RoomOfferedEvent
    | OfferClosedEvent
    | NoticesSetEvent
    | FileImportedEvent
    | PersonErasedEvent,
    Field(discriminator="type"),
]

People = dict[str, Words]
"""Display names by person id, for the authors that a frame mentions."""


class Message(Wire):
    """A message as its events fold it.

    Attributes
    ----------
    version: version of the event that posted it; its identity in the room.
    n: the message's ordinal in the room, 1, 2, 3 …
    text: null when deleted, when its writer was erased or when it is not kept any more.
    reactions: emoji to the ids of those who reacted, in order.
    """

    version: int
    by: str
    at: str
    text: Words
    kind: MessageKind
    n: int
    reply_to: int | None = None
    edited_at: str | None = None
    deleted: bool = False
    reactions: dict[str, list[str]] = Field(default_factory=dict)


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


class SyncedRoom(Wire):
    """One room of a `synced` frame: events, or a snapshot, or an error.

    `complete` is true only where the events reach `head`. `online` stands in the last part.
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
    """Events of the person's own log; `version` is the last one's."""

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
    """Answers `ping`; what stands in it is behind on the client's side.

    Attributes
    ----------
    heads: last version, by room, of those that went on.
    user: last version of the person's own log, where that went on.
    """

    type: Literal["pong"]
    heads: dict[str, int] | None = None
    user: int | None = None


ServerFrame = Annotated[
    Ack | Error | Events | User | Synced | Presence | Typing | Pong, Field(discriminator="type")
]
server_frame: TypeAdapter[Any] = TypeAdapter(ServerFrame)
