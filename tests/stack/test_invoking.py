"""Every function in a Lambda-like container, by the real `sam local`, on a deployed stack's tables.

What the payloads speak of (sessions, rooms, connections) is not in that stack, so many answers are
refusals. What is shown is that the artifact as it is shipped loads and runs where it has no more
than Lambda gives it, that it has every setting and permission that it uses, and that its answer is
one that AWS takes; tests/functional/handlers holds what is in them.
"""

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.server.harness import until
from tools.stack import invoking
from tools.stack.emulator import REGION, ROOT, StackError, free_port
from tools.stack.forwarding import forwarded
from tools.stack.invoking import EVENTS, IMAGE, IMAGE_MAKER, Deployed, Outcome, logical_id
from tools.stack.running import Stack

SAMPLES = {
    "archive_events": "three-streams",
    "authorize": "unknown-ticket",
    "deliver": "one-message",
    "http_api": "enter",
    "notify_users": "away",
    "project_views": "a-room",
    "relay_events": "names-people",
    "settle_presence": "gone",
    "socket_connect": "connected",
    "socket_disconnect": "disconnected",
    "socket_message": "post",
    "sweep": "scheduled",
    "track_memberships": "joined",
}
START = 120.0
"""Seconds that SAM may take to listen."""

FILES = sorted(EVENTS.glob("*/*.json"))
QUEUES_AND_STREAMS = {
    "archive_events",
    "deliver",
    "notify_users",
    "project_views",
    "relay_events",
    "settle_presence",
    "track_memberships",
}


@pytest.fixture(scope="module")
def engine() -> Iterator[None]:
    """A Docker engine with the image; skips without."""
    try:
        invoking.need_engine()
    except StackError as error:
        pytest.skip(str(error))
    if not invoking.image():
        made = subprocess.run([IMAGE_MAKER], capture_output=True, text=True, check=False)
        if made.returncode:
            pytest.skip(f"the image {IMAGE} cannot be made: {made.stderr}")
    before = containers()
    yield
    assert containers() <= before, "containers that nobody removed"


def containers() -> set[str]:
    return set(invoking.docker("ps", "--all", "--quiet", "--no-trunc").stdout.split())


def listens(port: int) -> bool:
    with socket.socket() as caller:
        return not caller.connect_ex(("127.0.0.1", port))


def assert_answer(function: str, answer: Any) -> None:
    """Asserts that an answer has the form that AWS takes from this kind of function."""
    if function in QUEUES_AND_STREAMS:
        assert set(answer) == {"batchItemFailures"}
        assert all(set(one) == {"itemIdentifier"} for one in answer["batchItemFailures"])
    elif function == "authorize" and "isAuthorized" not in answer:
        assert answer["principalId"]
        (statement,) = answer["policyDocument"]["Statement"]
        assert statement["Effect"] in ("Allow", "Deny")
    elif function == "authorize":
        assert isinstance(answer["isAuthorized"], bool)
    elif function == "sweep":
        assert all(isinstance(count, int) for count in answer.values())
    else:
        assert 200 <= answer["statusCode"] < 500


def test_every_function_has_its_sample() -> None:
    assert set(SAMPLES) == {folder.name for folder in EVENTS.iterdir()}
    assert all((EVENTS / function / f"{case}.json").exists() for function, case in SAMPLES.items())


@pytest.mark.parametrize("function", sorted(SAMPLES))
def test_sam_local_invoke(function: str, stack: Stack, engine: None) -> None:
    outcome = invoking.prepared(function, SAMPLES[function], stack.emulator.url)
    assert not outcome.failed, outcome.answer
    assert_answer(function, json.loads(outcome.answer))


def test_what_raises_is_told_from_what_answers(engine: None) -> None:
    outcome = invoking.prepared("deliver", "one-message", None)
    assert outcome.failed
    assert json.loads(outcome.answer)["errorType"]
    assert Outcome("", "").failed
    assert not Outcome('{"statusCode": 200}', "").failed


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_every_payload_in_warm_containers(stack: Stack, engine: None, tmp_path: Path) -> None:
    failures = []
    with started(stack, tmp_path) as lambdas:
        for file in FILES:
            function = file.parent.name
            answer = lambdas.invoke(FunctionName=logical_id(function), Payload=file.read_bytes())
            said = json.loads(answer["Payload"].read())
            try:
                assert "FunctionError" not in answer
                assert "errorType" not in said
                assert_answer(function, said)
            except (AssertionError, KeyError, TypeError) as error:
                failures.append(f"{file.relative_to(EVENTS)}: {said} {error!r}")
    assert not failures, "\n".join(failures)


@contextmanager
def started(stack: Stack, folder: Path) -> Iterator[Any]:
    """Yields a Lambda client of `sam local start-lambda`, which keeps a container a function."""
    deployed = Deployed(stack.emulator.url)
    port = free_port()
    with forwarded(invoking.bridge(), stack.emulator.port) as address:
        settings = invoking.write_settings(folder, deployed.settings(address))
        command = [
            *invoking.sam("start-lambda", settings),
            *("--warm-containers", "LAZY", "--host", "127.0.0.1", "--port", str(port)),
        ]
        log = (folder / "start-lambda.log").open("wb")
        environment = invoking.local_environment(
            {
                "AWS_ENDPOINT_URL": stack.emulator.url,
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
            }
        )
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            until(lambda: listens(port), START)
            yield boto3.Session("test", "test", region_name=REGION).client(
                "lambda",
                endpoint_url=f"http://127.0.0.1:{port}",
                config=Config(read_timeout=120, retries={"total_max_attempts": 1}),
            )
        finally:
            process.terminate()
            process.wait(60)
            log.close()
