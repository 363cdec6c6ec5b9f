"""Bodies of the HTTP API's answers.

The handler writes these forms as plain dicts and does not import this module; tests validate every
answer with these models, and the web app's types are generated from them.
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
    """People who share a room with the caller come first."""

    people: list[FoundPerson]


class Entered(Wire):
    token: str
    user: Identity


class Notices(Wire):
    """`address` says whether an address for mail is known."""

    mail: bool
    address: bool


class SessionLink(Wire):
    """`url` is an address of the web app, relative to its origin, with the secret in its fragment;
    good once, for 24 hours and while the session lives."""

    url: str


class Ticket(Wire):
    """`url` is the WebSocket address with the ticket in it; valid once, for 60 s."""

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
    """A page of rooms by id; `cursor` is for the next page, null if there is none. A page of the
    directory may be short or empty and still have a cursor."""

    rooms: list[RoomSummary]
    cursor: str | None


class Invitation(Wire):
    """`by` invites to a room; joining gives `role`. `version` is the version of the room's event:
    the `since` of the command that answers."""

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
    """`invited` are all pending invitations; only on the first page."""

    members: list[Member]
    invited: list[Member] = Field(default_factory=list)


class Problem(Wire):
    code: ErrorCode
    message: str


class ErrorBody(Wire):
    error: Problem
