"""X-Ray traces: what a function sends to Lambda's daemon, in a process of its own."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

PLANTED = "planted-words"

FUNCTION = """
import botocore.session
from botocore.awsrequest import AWSResponse
from functions import correlation, tracing
tracing.install()
from functions.entry import entry
from tests.functional.handlers.test_payloads import Context

class Raw:
    def __init__(self, content):
        self.content = content
    def stream(self, **_):
        return [self.content]

def answer(request, **_):
    if b"broken" in request.body:
        error = b'{"__type": "ValidationException", "message": "planted-words"}'
        return AWSResponse("http://aws", 400, {}, Raw(error))
    return AWSResponse("http://aws", 200, {}, Raw(b'{"Item": {"text": {"S": "planted-words"}}}'))

session = botocore.session.get_session()
session.set_credentials("testing", "testing")
session.set_config_variable("region", "us-east-1")
session.register("before-send", answer)
client = session.create_client("dynamodb")

@entry
def handler(event, context):
    correlation.begin(["c-1"])
    client.get_item(TableName="events", Key={"log": {"S": "planted-words"}})
    try:
        client.get_item(TableName="broken", Key={"log": {"S": "planted-words"}})
    except client.exceptions.ClientError:
        pass
    if event:
        raise RuntimeError("planted-words")
    return {"body": "planted-words"}

handler({}, Context())
try:
    handler({"text": "planted-words"}, Context())
except RuntimeError:
    pass
"""


@pytest.fixture
def daemon() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.settimeout(10)
        yield made


def run(daemon: socket.socket, sampled: int) -> None:
    host, port = daemon.getsockname()
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8"
    environment = {
        **os.environ,
        "AWS_LAMBDA_FUNCTION_NAME": "deliver",
        "LAMBDA_TASK_ROOT": "/var/task",
        "AWS_XRAY_DAEMON_ADDRESS": f"{host}:{port}",
        "_X_AMZN_TRACE_ID": f"{trace};Sampled={sampled}",
    }
    subprocess.run([sys.executable, "-c", FUNCTION], env=environment, check=True, timeout=100)


def received(daemon: socket.socket, count: int) -> list[dict[str, Any]]:
    return [json.loads(daemon.recv(65_536).splitlines()[1]) for _ in range(count)]


def test_a_trace_names_calls_and_the_command_and_holds_no_words(daemon: socket.socket) -> None:
    run(daemon, sampled=1)
    sent = received(daemon, 6)
    assert PLANTED not in json.dumps(sent)
    names = [one["name"] for one in sent]
    assert names == ["dynamodb", "dynamodb", "## handler"] * 2
    found, refused, handled = sent[:3]
    assert (found["aws"]["operation"], found["aws"]["table_name"]) == ("GetItem", "events")
    assert refused["cause"]["exceptions"][0]["message"] == "ClientError"
    assert handled["annotations"]["command"] == "c-1"
    assert handled["trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"
    (raised,) = sent[5]["cause"]["exceptions"]
    assert (raised["type"], raised["message"]) == ("RuntimeError", "RuntimeError")


def test_a_call_that_is_not_sampled_sends_nothing(daemon: socket.socket) -> None:
    run(daemon, sampled=0)
    daemon.setblocking(False)
    with pytest.raises(BlockingIOError):
        daemon.recv(65_536)
