"""Finding people by name."""

from domain.chat.finding import SCANNED
from domain.errors import Invalid, RateLimited, Unauthenticated
from domain.protocol.http import PeopleQuery
from functions import responses
from functions.bootstrap import chat
from functions.callers import metered_user
from functions.observing import Answer
from functions.routes import router
from functions.routing import Request


@router.on(
    "GET",
    "/api/people",
    PeopleQuery,
    summary="Finds people by the beginning of their name",
    answers="FoundPeople",
    of_views=True,
    refuses=(Invalid, Unauthenticated, RateLimited),
)
def people(request: Request[PeopleQuery]) -> Answer:
    user = metered_user(request, rows=SCANNED)
    return responses.json(chat().finding.people(user, request.given.q, request.given.limit))
