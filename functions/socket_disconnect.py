"""`$disconnect`: deletes the connection."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.bootstrap import chat
from functions.entry import entry
from functions.observing import Answer, Event


@entry
def handler(event: Event, context: LambdaContext) -> Answer:
    chat().disconnect(event["requestContext"]["connectionId"])
    return {"statusCode": 200}
