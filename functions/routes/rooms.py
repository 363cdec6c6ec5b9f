"""Lists of rooms: the person's own rooms, rooms to join, pending invitations."""

from domain.errors import Invalid, Unauthenticated
from domain.protocol.http import DirectoryQuery, RoomsQuery
from functions import responses
from functions.bootstrap import chat
from functions.callers import metered_user
from functions.observing import Answer
from functions.routes import router
from functions.routing import Request

LIST = (Invalid, Unauthenticated)


@router.on(
    "GET",
    "/api/rooms",
    RoomsQuery,
    summary="Lists a page of the person's rooms",
    answers="Rooms",
    of_views=True,
    refuses=LIST,
)
def rooms(request: Request[RoomsQuery]) -> Answer:
    page = request.given
    return responses.json(chat().listing.own(metered_user(request), page.cursor, page.limit))


@router.on(
    "GET",
    "/api/directory",
    DirectoryQuery,
    summary="Lists a page of rooms that the person may join",
    answers="Rooms",
    of_views=True,
    refuses=LIST,
)
def directory(request: Request[DirectoryQuery]) -> Answer:
    page, user = request.given, metered_user(request)
    return responses.json(chat().listing.directory(user, page.q, page.cursor, page.limit))


@router.on(
    "GET",
    "/api/invitations",
    summary="Lists the person's pending invitations",
    answers="Invitations",
    refuses=(Unauthenticated,),
)
def invitations(request: Request[None]) -> Answer:
    return responses.json(chat().inviting.pending(metered_user(request)))
