"""Tells rooms that a person is offline, half a minute after their last connection closed."""

import orjson
from aws_lambda_powertools.utilities.typing import LambdaContext

from domain.metrics import RETRIED
from functions.bootstrap import chat
from functions.entry import entry
from functions.observing import Answer, Event, report


@entry
def handler(event: Event, context: LambdaContext) -> Answer:
    """Settles each record's `{"user", "rooms"}`; returns those to be delivered again."""
    failed = []
    for record in event["Records"]:
        try:
            user, rooms = _read(record["body"])
            chat().settle_presence(user, rooms)
        except Exception as error:
            report(error, record=record["messageId"])
            failed.append({"itemIdentifier": record["messageId"]})
            chat().services.metrics.add(RETRIED)
    return {"batchItemFailures": failed}


def _read(body: str) -> tuple[str, list[str]]:
    """Returns the person and the rooms to settle. Raises ValueError, KeyError, TypeError."""
    asked = orjson.loads(body)
    user, rooms = asked["user"], asked["rooms"]
    if not isinstance(user, str) or not isinstance(rooms, list):
        raise TypeError
    return user, rooms
