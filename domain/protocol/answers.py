"""Bodies that the HTTP API answers with.

The handler writes these shapes as plain dicts and does not import this module; tests hold every
answer against these models, and the web app's types are generated from them.
"""

from pydantic import Field

from domain.protocol.fields import Role, RoomKind, Wire
from domain.protocol.server import ErrorCode, Message, People, RoomEvent, Words


class Identity(Wire):
    id: str
    name: Words


class FoundPerson(Wire):
    user: str
    name: str


class FoundPeople(Wire):
    """Those whom one shares a room with come first."""

    people: list[FoundPerson]


class Entered(Wire):
    token: str
    user: Identity


class Notices(Wire):
    """`address` is whether there is an address that mail could go to."""

    mail: bool
    address: bool


class Ticket(Wire):
    """`url` is the WebSocket address with the ticket in it; good once, for 60 s."""

    ticket: str
    url: str


class LastMessage(Wire):
    """A room's newest message; `text` is cut to 200 code points."""

    version: int
    at: str
    by: str
    name: Words
    text: Words
    kind: str


class RoomSummary(Wire):
    """A room in a list.

    Attributes
    ----------
    role: null in the directory, where they are no member.
    joined: when they joined; null in the directory, and where a release before this field folded
        it.
    """

    room: str
    name: Words
    kind: RoomKind
    role: Role | None
    joined: str | None = None
    head: int
    member_count: int
    unread: int
    last: LastMessage | None


class Rooms(Wire):
    """A page of rooms by id; `cursor` is for the next one, null where there is none. A page of the
    directory may be short, or empty, and have a cursor."""

    rooms: list[RoomSummary]
    cursor: str | None


class Invitation(Wire):
    """`by` invites to a room; `role` is what joining gives. `version` is that of the room's event:
    the `since` of the answering command."""

    room: str
    name: Words
    kind: RoomKind
    by: str
    by_name: Words
    role: Role
    at: str
    version: int


class Invitations(Wire):
    invitations: list[Invitation]


class Messages(Wire):
    messages: list[Message]
    people: People


class EventList(Wire):
    events: list[RoomEvent]


class Member(Wire):
    user: str
    name: Words
    role: Role


class Members(Wire):
    """`invited` are all who were asked and did not answer; on the first page, for members."""

    members: list[Member]
    invited: list[Member] = Field(default_factory=list)


class Problem(Wire):
    code: ErrorCode
    message: str


class ErrorBody(Wire):
    error: Problem
