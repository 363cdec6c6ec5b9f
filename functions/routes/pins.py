"""A room's pinned messages."""

from domain.errors import Invalid, NotFound, Unauthenticated
from domain.protocol.http import RoomQuery
from domain.room.pins import MAX_PINS, pinned
from functions import responses
from functions.bootstrap import chat
from functions.callers import metered_user
from functions.observing import Answer
from functions.routes import router
from functions.routing import Request


@router.on(
    "GET",
    "/api/rooms/{room}/pins",
    RoomQuery,
    summary="Reads the pinned messages, the latest pin first",
    answers="Messages",
    refuses=(Invalid, Unauthenticated, NotFound),
)
def pins(request: Request[RoomQuery]) -> Answer:
    user = metered_user(request, rows=MAX_PINS)
    return responses.json(chat().reading.chosen(request.given.room, user, pinned))
