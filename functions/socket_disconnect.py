"""`$disconnect`: forgets the connection."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.bootstrap import chat
from functions.observing import Answer, Event, logger


@logger.inject_lambda_context
def handler(event: Event, context: LambdaContext) -> Answer:
    chat().disconnect(event["requestContext"]["connectionId"])
    return {"statusCode": 200}
