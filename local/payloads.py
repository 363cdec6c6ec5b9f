"""Builds the events that API Gateway and SQS would pass to the handlers."""

import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

Event = dict[str, Any]
Known = Mapping[str, str]


class Context:
    """A Lambda context. One serves all invocations: nothing in it differs between them."""

    function_name = "local"
    function_version = "$LATEST"
    memory_limit_in_mb = 0
    invoked_function_arn = "arn:aws:lambda:local:000000000000:function:local"
    aws_request_id = "local"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 30_000


CONTEXT: Any = Context()


def authorizer_event(ticket: str, domain: str) -> Event:
    return {
        "type": "REQUEST",
        "methodArn": "arn:aws:execute-api:local:000000000000:local/local/$connect",
        "queryStringParameters": {"ticket": ticket},
        "requestContext": {"routeKey": "$connect", "eventType": "CONNECT", "domainName": domain},
    }


def socket_context(connection_id: str, known: Known, domain: str) -> Event:
    """Returns the requestContext that all events of a connection share."""
    return {
        "connectionId": connection_id,
        "routeKey": "$default",
        "eventType": "MESSAGE",
        "apiId": "local",
        "stage": "local",
        "domainName": domain,
        "connectedAt": int(time.time() * 1000),
        "authorizer": {"principalId": known["user"], **known},
    }


def socket_event(context: Event, body: str | None = None) -> Event:
    return {"requestContext": context, "body": body, "isBase64Encoded": False}


def http_event(
    method: str, path: str, query: str, headers: dict[str, str], body: str, source: str
) -> Event:
    """Returns an HTTP API 2.0 event; header names are in lower case, as on AWS."""
    now = time.time()
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "queryStringParameters": dict(parse_qsl(query, keep_blank_values=True)) or None,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": headers.get("host", "localhost"),
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": source,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": "local",
            "routeKey": "$default",
            "stage": "$default",
            "timeEpoch": int(now * 1000),
        },
        "body": body or None,
        "isBase64Encoded": False,
    }


def sqs_event(queue: str, records: Sequence[tuple[int, bytes, int]]) -> Event:
    """Returns a FIFO queue's event with (notification id, envelope, receive count) records."""
    arn = f"arn:aws:sqs:local:000000000000:{queue}.fifo"
    return {
        "Records": [
            {
                "messageId": str(id),
                "receiptHandle": str(id),
                "body": body.decode(),
                "attributes": {"ApproximateReceiveCount": str(receives)},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": arn,
                "awsRegion": "local",
            }
            for id, body, receives in records
        ]
    }


def failed_records(answer: Event) -> set[int]:
    """Returns the notification ids of the records that a queue's handler reports as failed."""
    return {int(item["itemIdentifier"]) for item in answer["batchItemFailures"]}
