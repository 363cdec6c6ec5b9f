"""The stack's functions over tables, topic and queues in this process or in an emulator: the real
handlers, each composed as on AWS (functions/aws.py), counted call by call."""

import contextlib
import importlib
import io
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from unittest import mock

import botocore.session
from botocore.config import Config
from moto import mock_aws

from adapters.messaging.firehose import Firehose
from domain.chat import Chat
from domain.chat.consumers import TrackMemberships
from domain.ports.connections import Gateway
from functions import bootstrap
from functions.aws import compose
from functions.metrics import MeasuredGateway, printer
from local.payloads import CONTEXT, Event
from tools.cost.metering import KB, Meter
from tools.cost.template import access_log_bytes, tables

ENDPOINT = "https://abcdefghij.execute-api.us-east-1.amazonaws.com/prod"
FRAME = 32 * KB
LOG_LINE = 26
"""Bytes that CloudWatch adds to each line."""

FIREHOSE_STEP = 5 * KB
QUEUES = ("views", "delivery", "memberships", "notify", "presence")
FILTERS = {
    "memberships": json.dumps({"topic": TrackMemberships.topics}),
    "notify": '{"notify":["1"]}',
}
TOPIC_MAY_WRITE = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":'
    '{"Service":"sns.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"*"}]}'
)
Around = Callable[[str, Callable[[], Any]], Any]
"""Runs an invocation of a function; may measure its time."""


class CountingGateway:
    """Implements the Gateway port: only counts the posts."""

    def __init__(self, meter: Meter, function: str) -> None:
        self._meter = meter
        self._function = function

    def post(self, connection_ids: Sequence[str], frame: bytes) -> list[str]:
        each = math.ceil(len(frame) / FRAME)
        for _ in connection_ids:
            self._meter.add(
                self._function, "PostToConnection", "socket", frame=each, out=len(frame)
            )
        return []

    def close(self, connection_id: str, code: int) -> None:
        self._meter.add(self._function, "DeleteConnection", "socket")


class CountingFirehose:
    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def put_record_batch(self, **asked: Any) -> Any:
        steps = sum(math.ceil(len(one["Data"]) / FIREHOSE_STEP) for one in asked["Records"])
        size = steps * FIREHOSE_STEP
        self._meter.add(
            "archive_events", "PutRecordBatch", "archive", archived=size, converted=size
        )
        return {"FailedPutCount": 0}


class Stack:
    """Tables, topic and queues, and the functions over them.

    Parameters
    ----------
    meter: counts the calls; None composes the functions without counting, to measure them.
    endpoint: address to which frames are posted.
    around: runs each invocation.
    """

    def __init__(
        self,
        meter: Meter | None = None,
        endpoint: str = ENDPOINT,
        around: Around = lambda function, call: call(),
    ) -> None:
        self.meter = meter
        # An emulator's topic needs a moment; the one in this process does not.
        self._patience = 0 if meter is not None else 5
        self._around = around
        self._loader = botocore.session.get_session().get_component("data_loader")
        self.plain = {name: self._client(name) for name in ("dynamodb", "sns", "sqs", "kms")}
        self._make(endpoint)
        self._chats: dict[tuple[str, bool], Chat] = {}

    def _session(self) -> Any:
        session = botocore.session.get_session()
        session.register_component("data_loader", self._loader)
        return session

    def _client(self, service: str) -> Any:
        return self._session().create_client(service, config=Config(inject_host_prefix=False))

    def _make(self, endpoint: str) -> None:
        dynamodb, sns, sqs = (self.plain[name] for name in ("dynamodb", "sns", "sqs"))
        for table, definition in tables().items():
            dynamodb.create_table(TableName=f"cost-{table}", **definition)
        self.environment = {f"{t.upper()}_TABLE": f"cost-{t}" for t in tables()}
        fifo = {
            "FifoTopic": "true",
            "ContentBasedDeduplication": "false",
            "FifoThroughputScope": "MessageGroup",
        }
        topic = sns.create_topic(Name="cost-events.fifo", Attributes=fifo)["TopicArn"]
        self.queues: dict[str, str] = {}
        for queue in QUEUES:
            is_fifo = queue not in ("notify", "presence")
            name = f"cost-{queue}" + (".fifo" if is_fifo else "")
            attributes = {"FifoQueue": "true"} if is_fifo else {}
            attributes["Policy"] = TOPIC_MAY_WRITE
            url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
            self.queues[queue] = url
            arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
            if queue == "presence":
                continue
            more = {"FilterPolicy": FILTERS[queue]} if queue in FILTERS else {}
            sns.subscribe(
                TopicArn=topic,
                Protocol="sqs",
                Endpoint=arn["Attributes"]["QueueArn"],
                Attributes={"RawMessageDelivery": "true", **more},
            )
        self.environment |= {
            "VAULT_KEY": self.plain["kms"].create_key()["KeyMetadata"]["Arn"],
            "TOPIC_ARN": topic,
            "SOCKET_ENDPOINT": endpoint,
            "SOCKET_URL": "wss://chat.example.org/prod",
            "DELIVERY_QUEUE_URL": self.queues["delivery"],
            "PRESENCE_QUEUE_URL": self.queues["presence"],
            "ARCHIVE_STREAM": "cost-archive",
        }

    def chat(self, function: str, fast: bool = True) -> Chat:
        """Returns a function's use cases, cached as in its warm process."""
        key = function, fast
        if key not in self._chats:
            self._chats[key] = self._compose(function, fast)
        return self._chats[key]

    def _compose(self, function: str, fast: bool) -> Chat:
        session = self._session()
        if self.meter is not None:
            self.meter.watch(session, function, self.plain["dynamodb"])
        environment = {**self.environment, "FAST_PUBLISH": str(fast).lower()}
        chat = compose(function, environment, session)
        # Messages that are counted one by one represent different moments, however fast they follow
        # here; tools/cost/ranges.py calculates a room where they follow fast.
        chat = Chat(replace(chat.services, gathering=0.0))
        if self.meter is None:
            return chat
        counted: Gateway = CountingGateway(self.meter, function)
        counted = MeasuredGateway(counted, printer("Parley/chat-prod"))
        archive = Firehose(CountingFirehose(self.meter), "cost-archive")
        given: dict[str, Any] = {"gateway": counted}
        if function == "archive_events":
            given["archive"] = archive
        return Chat(replace(chat.services, **given))

    def invoke(self, function: str, event: Event, fast: bool = True) -> Any:
        """Calls a function's handler like a separate warm process."""
        chat = self.chat(function, fast)
        handler = importlib.import_module(f"functions.{function}").handler
        bootstrap.use(chat)
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                answer = self._around(function, lambda: handler(event, CONTEXT))
        finally:
            bootstrap.use(None)
        if self.meter is not None:
            logged = sum(len(line) + LOG_LINE for line in printed.getvalue().splitlines())
            self.meter.add(function, "Invoke", "", invocation=1, logged=logged)
        return answer

    def frame(self, context: Event, body: str, fast: bool) -> None:
        """Sends a frame of a client."""
        if self.meter is not None:
            units = {"frame": math.ceil(len(body.encode()) / FRAME)}
            logged = access_log_bytes() + LOG_LINE
            self.meter.add("", "Receive", "socket", **units, logged=logged)
        event = {"requestContext": context, "body": body, "isBase64Encoded": False}
        self.invoke("socket_message", event, fast)

    def stream(self, items: Sequence[Mapping[str, Any]]) -> Event:
        """Returns the events table's stream records of new items."""
        records = [
            {
                "eventID": str(number),
                "eventName": "INSERT",
                "eventSource": "aws:dynamodb",
                "dynamodb": {
                    "Keys": {"log": item["log"], "version": item["version"]},
                    "NewImage": item,
                    "SequenceNumber": str(number),
                    "StreamViewType": "NEW_IMAGE",
                },
            }
            for number, item in enumerate(items, 1)
        ]
        return {"Records": records}

    def drain(self, queue: str, function: str) -> None:
        """Passes a queue's messages to a function like Lambda's poller: a receive and a delete for
        each batch of at most ten. Groups have separate batches, which is the most expensive
        case."""
        patience = self._patience
        while groups := self._received(queue, patience):
            patience = 0
            for messages in groups:
                self._hand(queue, function, messages)

    def _received(self, queue: str, patience: int) -> list[list[dict[str, Any]]]:
        groups: dict[str, list[dict[str, Any]]] = {}
        found = self.plain["sqs"].receive_message(
            QueueUrl=self.queues[queue],
            MaxNumberOfMessages=10,
            AttributeNames=["All"],
            WaitTimeSeconds=patience,
        )
        for message in found.get("Messages", ()):
            groups.setdefault(message["Attributes"].get("MessageGroupId", ""), []).append(message)
        return list(groups.values())

    def _hand(self, queue: str, function: str, messages: Sequence[dict[str, Any]]) -> None:
        url = self.queues[queue]
        unit = "sqs_fifo" if url.endswith(".fifo") else "sqs"
        size = sum(len(message["Body"].encode()) for message in messages)
        if self.meter is not None:
            chunks = math.ceil(size / (64 * KB))
            self.meter.add("poller", "ReceiveMessage", queue, **{unit: chunks})
            if (
                not messages[0]["Body"].startswith('{"user"')
                and '"shard":' not in (messages[0]["Body"])
            ):
                told = {"notified": len(messages), "notified_bytes": size, "sent": len(messages)}
                self.meter.add("topic", "Notify", queue, **told)
        records = [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{queue}",
                "awsRegion": "us-east-1",
            }
            for message in messages
        ]
        answer = self.invoke(function, {"Records": records})
        assert not answer["batchItemFailures"], f"{function} left records"
        for message in messages:
            self.plain["sqs"].delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        if self.meter is not None:
            self.meter.add("poller", "DeleteMessageBatch", queue, **{unit: 1})


@contextlib.contextmanager
def counted() -> Iterator[tuple[Stack, Meter]]:
    """Yields a stack in this process, and its meter.

    Pushes count as on time, however busy this machine is: a late one would read the log once more.
    """
    on_time = mock.patch("domain.chat.delivering.LATE", 86_400.0)
    with mock.patch.dict(os.environ, CREDENTIALS), on_time, mock_aws():
        meter = Meter()
        yield Stack(meter), meter


CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    # moto would spend time on checking signatures that need no check.
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "false",
}
