"""Bodies and parameters of calls of the HTTP API. The answers are in answers.py, which no handler
needs."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from domain.protocol.fields import Nickname, RoomId, Since, Version, Wire
from domain.protocol.limits import MAX_NAME, MAX_NICKNAME

Limit = Annotated[int, Field(ge=1, le=1000)]
"""Entries of a page."""


RoomsLimit = Annotated[int, Field(ge=1, le=200)]
"""Rooms of a page; 200 rooms with the longest names and texts stay under 400 KB, far below Lambda's
6 MB."""

Cursor = Annotated[str, Field(max_length=100)]
"""The cursor that the previous page of rooms returned."""


class EnterRequest(Wire):
    """One of both: `nickname` for a new guest, or the one whose token is sent along; `link`, the
    secret of a link for another device, for the guest who made it."""

    nickname: Nickname | None = None
    link: Annotated[str, Field(min_length=1, max_length=100)] | None = None


class ExchangeRequest(Wire):
    """`nickname`: the name that a new person wants; without it, the sign-in's own name."""

    nickname: Nickname | None = None


class NoticesRequest(Wire):
    """`mail`: whether the person wants mail about mentions and direct messages."""

    mail: bool


class Parameters(BaseModel):
    """Base of parameters in a path and its query string: numbers arrive as text, and undeclared
    ones are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class RoomsQuery(Parameters):
    """The person's rooms."""

    cursor: Cursor | None = None
    limit: RoomsLimit = 100


class DirectoryQuery(Parameters):
    """Rooms that the person may join, with the words of `q` in name or id."""

    q: Annotated[str, Field(max_length=MAX_NAME)] = ""
    cursor: Cursor | None = None
    limit: RoomsLimit = 100


class PeopleQuery(Parameters):
    """People who have the words of `q` in their name."""

    q: Annotated[str, Field(max_length=MAX_NICKNAME)]
    limit: Annotated[int, Field(ge=1, le=20)] = 10


class RoomQuery(Parameters):
    """A room."""

    room: RoomId


class MessagesQuery(Parameters):
    """The newest messages with a version below `before`."""

    room: RoomId
    before: Version | None = None
    limit: Limit = 50


class EventsQuery(Parameters):
    """The events above version `after`."""

    room: RoomId
    after: Since = 0
    limit: Limit = 100


class MembersQuery(Parameters):
    """The members with ids after `after`."""

    room: RoomId
    after: Annotated[str, Field(max_length=40)] = ""
    limit: Limit = 100
