"""`$connect`: stores the connection. It posts nothing; the client's `sync` comes first."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from domain.errors import ParleyError
from domain.ports.accounts import Session
from functions.bootstrap import chat
from functions.entry import entry
from functions.observing import Answer, Event


@entry
def handler(event: Event, context: LambdaContext) -> Answer:
    request = event["requestContext"]
    known = request["authorizer"]
    try:
        chat().connect(request["connectionId"], Session(known["user"], known["session"], 0.0))
    except ParleyError as refusal:
        return {"statusCode": refusal.status}
    return {"statusCode": 200}
