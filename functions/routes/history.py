"""The content of a room: its messages, its events, its members."""

from domain.errors import Invalid, NotFound, Unauthenticated
from domain.protocol.http import EventsQuery, MembersQuery, MessagesQuery
from functions import responses
from functions.bootstrap import chat
from functions.callers import metered_user
from functions.observing import Answer
from functions.routes import router
from functions.routing import Request

PAGE = (Invalid, Unauthenticated, NotFound)


@router.on(
    "GET",
    "/api/rooms/{room}/messages",
    MessagesQuery,
    summary="Reads a page of messages",
    answers="Messages",
    refuses=PAGE,
)
def messages(request: Request[MessagesQuery]) -> Answer:
    page, user = request.given, metered_user(request)
    return responses.json(chat().reading.messages(page.room, user, page.before, page.limit))


@router.on(
    "GET",
    "/api/rooms/{room}/events",
    EventsQuery,
    summary="Reads a page of the log",
    answers="EventList",
    refuses=PAGE,
)
def events(request: Request[EventsQuery]) -> Answer:
    page, user = request.given, metered_user(request)
    return responses.json(chat().reading.events(page.room, user, page.after, page.limit))


@router.on(
    "GET",
    "/api/rooms/{room}/members",
    MembersQuery,
    summary="Reads a page of members",
    answers="Members",
    refuses=PAGE,
)
def members(request: Request[MembersQuery]) -> Answer:
    page, user = request.given, metered_user(request)
    return responses.json(chat().reading.members(page.room, user, page.after, page.limit))
