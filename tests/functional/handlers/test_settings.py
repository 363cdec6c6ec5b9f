"""Each function's settings give it the ports that its payloads need, and no other."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, replace
from typing import Any

import boto3
import botocore.session
import pytest

from domain.chat import Chat, Services
from functions import aws, bootstrap
from functions.parts import Absent
from functions.settings import SETTINGS, NotConfigured
from tests.functional.handlers.scene import configured, scene
from tests.functional.handlers.test_payloads import CONSUMERS, EXPECTED, invoke, outside, payload

PORTS = {"log", "executor", "views", "progress", "vault", "accounts", "connections", "gateway",
         "background"}  # fmt: skip

SPARE = {
    # A connection that is found gone.
    "deliver": {"background"},
    # What they use outside these ports: by `once`, and by mail's look for wish and address.
    "notify_users": {"accounts", "log", "progress"},
    # Retention, and whom a stale connection was of.
    "sweep": {"background", "log", "progress", "views"},
    # The executor's, which is a port of its own here; and which members of an erased owner's
    # room are signed in: no payload has such a room.
    "track_memberships": {"accounts", "log"},
}
"""Ports that no payload needs, and why they are given."""


@pytest.fixture
def environment(dynamo: Any, tables: dict[str, str]) -> dict[str, str]:
    """What the template sets, of all functions together."""
    key = boto3.client("kms", region_name="us-east-1").create_key()["KeyMetadata"]["Arn"]
    address = "https://sqs.us-east-1.amazonaws.com/123456789012/"
    return {
        **{f"{name.upper()}_TABLE": table for name, table in tables.items()},
        "VAULT_KEY": key,
        "TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:events.fifo",
        "SOCKET_ENDPOINT": "https://abc.execute-api.us-east-1.amazonaws.com/live",
        "SOCKET_URL": "wss://abc.execute-api.us-east-1.amazonaws.com/live",
        "DELIVERY_QUEUE_URL": address + "delivery.fifo",
        "PRESENCE_QUEUE_URL": address + "presence",
        "ARCHIVE_STREAM": "archive",
        "NOTIFICATIONS_TOPIC": "arn:aws:sns:us-east-1:123456789012:notices",
        "ORIGIN_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:origin-AbCdEf",
        "RETENTION_DAYS": "30",
    }


@pytest.fixture(autouse=True)
def uninstalled() -> Iterator[None]:
    yield
    bootstrap.use(None)


class Watched(Absent):
    """A port that is not there, and who asked for it."""

    def __init__(self, port: str, asked: set[str]) -> None:
        super().__init__("function", port)
        self._port = port
        self._asked = asked

    def __getattr__(self, name: str) -> Any:
        self._asked.add(self._port)
        return super().__getattr__(name)


def absent(function: str, environment: Mapping[str, str]) -> set[str]:
    """Returns the ports that the function is composed without."""
    session = botocore.session.get_session()
    session.set_config_variable("region", "us-east-1")
    services = aws.compose(function, environment, session).services
    ports = {field.name: getattr(services, field.name) for field in fields(Services)}
    return {name for name, port in ports.items() if isinstance(port, Absent)}


def asked(file: str, missing: set[str]) -> set[str]:
    """Returns which of the missing ports a payload asks for."""
    function = file.split("/", maxsplit=1)[0]
    expected = EXPECTED[file]
    chat = scene(projected=function not in CONSUMERS)
    chat = configured(chat, **expected.get("services", {}))
    outside(chat).refused = expected.get("refused", ())
    found: set[str] = set()
    watched: dict[str, Any] = {port: Watched(port, found) for port in missing}
    bootstrap.use(Chat(replace(chat.services, **watched)))
    with suppress(NotConfigured):
        invoke(function, payload(file))
    return found


def files(function: str) -> list[str]:
    return [file for file in EXPECTED if file.startswith(f"{function}/")]


@pytest.mark.parametrize("function", SETTINGS)
def test_a_function_has_the_ports_that_it_needs(function: str, environment: dict[str, str]) -> None:
    missing = absent(function, environment)
    assert {port for file in files(function) for port in asked(file, missing)} == set()


@pytest.mark.parametrize("function", SETTINGS)
def test_a_function_has_no_port_that_it_does_not_need(
    function: str, environment: dict[str, str]
) -> None:
    given = PORTS - absent(function, environment)
    used = {port for port in given if any(port in asked(file, {port}) for file in files(function))}
    assert given - used == SPARE.get(function, set())


@pytest.mark.parametrize("function", SETTINGS)
def test_a_cold_function_has_loaded_all_that_its_first_event_needs(function: str) -> None:
    loading = (
        f"import gc, sys, functions.{function}; "
        "print(gc.isenabled(), 'functions.aws' in sys.modules, 'pydantic' in sys.modules)"
    )
    environment = {**os.environ, "AWS_LAMBDA_FUNCTION_NAME": function}
    done = subprocess.run(
        [sys.executable, "-c", loading], env=environment, capture_output=True, text=True, check=True
    )
    # Pydantic's models are for what clients send: nobody else waits for their import.
    wire = function in ("http_api", "socket_message")
    assert done.stdout.split() == ["True", "True", str(wire)]


def loaded(function: str, module: str, **settings: str) -> bool:
    """Returns whether a cold function with these settings has loaded a module."""
    program = f"import sys, functions.{function}; print({module!r} in sys.modules)"
    environment = {**os.environ, "AWS_LAMBDA_FUNCTION_NAME": function, **settings}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip() == "True"


@pytest.mark.parametrize(
    ("function", "secret", "reads"),
    [("authorize", "arn", True), ("authorize", "", False), ("deliver", "arn", False)],
)
def test_only_functions_that_read_a_secret_load_parameters(
    function: str, secret: str, reads: bool
) -> None:
    module = "aws_lambda_powertools.utilities.parameters"
    assert loaded(function, module, ORIGIN_SECRET_ARN=secret) is reads


@pytest.mark.parametrize(("mode", "traces"), [("Active", True), ("PassThrough", False)])
def test_only_functions_that_are_traced_load_the_sdk_of_x_ray(mode: str, traces: bool) -> None:
    assert loaded("deliver", "aws_xray_sdk", TRACING=mode) is traces
