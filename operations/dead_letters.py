"""Dead-letter queues of a deployed stack: lists their messages and sends them back."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
from botocore.exceptions import ClientError

QUEUES = ("Views", "Delivery", "Memberships", "Notify", "Presence")
"""Names of queues; each has the stack's outputs `NameQueue` and `NameDeadLetters`."""

SHOWN = 1_000
"""Maximum of messages of a queue that are listed."""

HIDDEN = 120
"""Seconds for which a message is hidden while it is listed or sent back."""

WAIT = 1
"""Seconds for which SQS searches all its servers before it answers that there is nothing."""

MAX_DEDUPLICATION_ID = 128

Message = Mapping[str, Any]


class DeadLetters:
    """The dead letters of one queue.

    Parameters
    ----------
    sqs: boto3's `sqs` client.
    name: the name for people.
    url: URL of the dead-letter queue.
    source: URL of the queue that they come from.
    """

    def __init__(self, sqs: Any, name: str, url: str, source: str) -> None:
        self._sqs = sqs
        self.name = name
        self._url = url
        self._source = source

    def count(self) -> int:
        """Returns the approximate number of letters."""
        wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=wanted)
        return sum(int(answer["Attributes"][name]) for name in wanted)

    def look(self) -> list[dict[str, Any]]:
        """Returns the streams and versions of the letters, never their texts; the letters stay in
        the queue.

        A FIFO queue shows at most ten letters of a room.
        """
        seen: list[Message] = []
        try:
            for message in receive(self._sqs, self._url):
                seen.append(message)
                if len(seen) >= SHOWN:
                    break
        finally:
            show_again(self._sqs, self._url, seen)
        return [{"queue": self.name, **address(message["Body"])} for message in seen]

    def redrive(self, run: int) -> str:
        """Sends the letters back to the queue they come from; returns a description of the
        result."""
        try:
            self._sqs.start_message_move_task(SourceArn=self._arn())
        except (ClientError, NotImplementedError) as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
            if "AccessDenied" in code:
                raise
            # Some queues, and all emulators, cannot do it themselves.
            return f"{self._send_back(run)} sent back"
        return "being moved back by SQS"

    def _arn(self) -> str:
        answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])

    def _send_back(self, run: int) -> int:
        sent = 0
        for message in receive(self._sqs, self._url):
            attributes = message.get("MessageAttributes", {})
            self._sqs.send_message(
                QueueUrl=self._source,
                MessageBody=message["Body"],
                MessageAttributes={name: _plain(value) for name, value in attributes.items()},
                **_place(message.get("Attributes", {}), run),
            )
            # Only then: a crash in between sends it twice, which all consumers tolerate.
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
            sent += 1
        return sent


def receive(sqs: Any, url: str) -> Iterator[Message]:
    """Yields a queue's messages, each once, until there are no more; each is hidden for HIDDEN
    seconds."""
    seen: set[str] = set()
    while True:
        answer = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=HIDDEN,
            WaitTimeSeconds=WAIT,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        # A message that takes too long becomes visible again.
        new = [one for one in answer.get("Messages", ()) if one["MessageId"] not in seen]
        if not new:
            return
        seen |= {one["MessageId"] for one in new}
        yield from new


def show_again(sqs: Any, url: str, messages: Iterable[Message]) -> None:
    """Makes received messages visible again for the next reader."""
    for message in messages:
        sqs.change_message_visibility(
            QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )


def drop(sqs: Any, url: str) -> int:
    """Deletes the messages of a queue; returns their number."""
    dropped = 0
    for message in receive(sqs, url):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        dropped += 1
    return dropped


def address(body: str) -> dict[str, Any]:
    """Returns the stream and version of a record; None for each that is missing."""
    try:
        record = orjson.loads(body)
    except ValueError:
        record = None
    record = record if isinstance(record, dict) else {}
    stream, version = record.get("stream"), record.get("version")
    return {
        "stream": stream if isinstance(stream, str) else None,
        "version": version if isinstance(version, int) else None,
    }


def _place(attributes: Mapping[str, str], run: int) -> dict[str, str]:
    """Returns the group and deduplication id under which a FIFO message is sent back.

    The id contains the run: with the old id, SQS would drop the message as a duplicate within five
    minutes.
    """
    if "MessageGroupId" not in attributes:
        return {}
    id = f"{attributes['MessageDeduplicationId']}:{run}"
    if len(id) > MAX_DEDUPLICATION_ID:
        id = hashlib.sha256(id.encode()).hexdigest()
    return {"MessageGroupId": attributes["MessageGroupId"], "MessageDeduplicationId": id}


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in value.items() if k in ("DataType", "StringValue", "BinaryValue")}
