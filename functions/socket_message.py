"""`$default`: one client frame. Its answer is sent by PostToConnection, like a push."""

from functools import lru_cache

from aws_lambda_powertools.utilities.typing import LambdaContext

from domain.chat import Chat, frames
from domain.chat.receiving import Receiving, frame_id
from domain.errors import Internal
from domain.metrics import INTERNAL
from domain.ports.connections import Connection
from functions import correlation
from functions.bootstrap import chat
from functions.entry import entry
from functions.observing import Answer, Event, report


@lru_cache(maxsize=1)
def _receiving(chat: Chat) -> Receiving:
    """Returns the receiver of the process's frames; it is created once, not for each frame."""
    return Receiving(chat)


@entry
def handler(event: Event, context: LambdaContext) -> Answer:
    request = event["requestContext"]
    known = request["authorizer"]
    connection = Connection(request["connectionId"], known["user"], known["session"])
    body = event.get("body") or ""
    if correlation.ON_LAMBDA or correlation.logs_every_step():
        _correlate(connection, body)
    try:
        _receiving(chat()).receive(connection, body)
    except Exception as error:
        report(error, connection=connection.id, correlation_id=frame_id(body))
        chat().services.metrics.add(INTERNAL)
        chat().services.gateway.post([connection.id], frames.error(Internal(), None))
    return {"statusCode": 200}


def _correlate(connection: Connection, body: str) -> None:
    command = frame_id(body)
    correlation.begin([command])
    if command is not None:
        correlation.step("frame received", correlation_id=command, connection=connection.id)
