"""`$default`: one client frame. Its answer goes by PostToConnection, as the push does."""

from functools import lru_cache

from aws_lambda_powertools.utilities.typing import LambdaContext

from domain.chat import Chat, frames
from domain.chat.receiving import Receiving
from domain.errors import Internal
from domain.metrics import INTERNAL
from domain.ports import Connection
from functions.bootstrap import chat
from functions.entry import entry
from functions.observing import Answer, Event, report


@lru_cache(maxsize=1)
def _receiving(chat: Chat) -> Receiving:
    """Returns what takes the process's frames: made once, not for each frame."""
    return Receiving(chat)


@entry
def handler(event: Event, context: LambdaContext) -> Answer:
    request = event["requestContext"]
    known = request["authorizer"]
    connection = Connection(request["connectionId"], known["user"], known["session"])
    try:
        _receiving(chat()).receive(connection, event.get("body") or "")
    except Exception as error:
        report(error, connection=connection.id)
        chat().services.metrics.add(INTERNAL)
        chat().services.gateway.post([connection.id], frames.error(Internal(), None))
    return {"statusCode": 200}
