"""REQUEST authorizer of both APIs.

`$connect` of the WebSocket API has a single-use ticket and, from a browser, its Origin; the answer
is a policy. A call of the HTTP API (payload 2.0, simple answer) has a bearer token. The other
handlers know the caller only from the context of the answer.
"""

from aws_lambda_powertools.utilities.typing import LambdaContext

from domain.errors import Unauthenticated
from functions.bearer import bearer
from functions.bootstrap import chat
from functions.entry import entry
from functions.observing import Answer, Event
from functions.origin import by_cloudfront


@entry
def handler(event: Event, context: LambdaContext) -> Answer:
    return _http(event) if event.get("version") == "2.0" else _connect(event)


def _connect(event: Event) -> Answer:
    ticket = (event.get("queryStringParameters") or {}).get("ticket", "")
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    origin, origins = headers.get("origin"), chat().services.origins
    try:
        # Before the ticket: a foreign page must not use one up. A browser always sends the page's
        # Origin; other clients send none, and need a ticket too.
        if origins and origin is not None and origin not in origins:
            raise Unauthenticated
        session = chat().sessions.redeem(ticket)
    except Unauthenticated:
        return _policy("Deny", event["methodArn"], "nobody", {})
    known = {"user": session.user, "session": session.session}
    return _policy("Allow", event["methodArn"], session.user, known)


def _http(event: Event) -> Answer:
    # Before the token: a request that bypassed CloudFront must not cost a read of the accounts.
    if not by_cloudfront(event):
        return {"isAuthorized": False}
    try:
        session = chat().sessions.who(bearer((event.get("headers") or {}).get("authorization")))
    except Unauthenticated:
        return {"isAuthorized": False}
    return {
        "isAuthorized": True,
        "context": {"user": session.user, "session": session.session},
    }


def _policy(effect: str, resource: str, principal: str, known: dict[str, str]) -> Answer:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    return {
        "principalId": principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": known,
    }
