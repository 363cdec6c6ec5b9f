"""Records in people's own logs which rooms they gained or lost."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.entry import entry
from functions.observing import Answer, Event
from functions.queue import handle_records


@entry
def handler(event: Event, context: LambdaContext) -> Answer:
    return handle_records("track_memberships", event)
