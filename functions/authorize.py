"""REQUEST authorizer of the WebSocket API's `$connect`: a single-use ticket."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from domain.errors import Unauthenticated
from functions.bootstrap import chat
from functions.observing import Answer, Event, logger


@logger.inject_lambda_context
def handler(event: Event, context: LambdaContext) -> Answer:
    """Returns a policy for the connection; its context is what `socket_*` know of the caller."""
    ticket = (event.get("queryStringParameters") or {}).get("ticket", "")
    try:
        session = chat().entering.redeem(ticket)
    except Unauthenticated:
        return _policy("Deny", event["methodArn"], "nobody", {})
    known = {"user": session.user, "session": session.session}
    return _policy("Allow", event["methodArn"], session.user, known)


def _policy(effect: str, resource: str, principal: str, known: dict[str, str]) -> Answer:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    return {
        "principalId": principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": known,
    }
