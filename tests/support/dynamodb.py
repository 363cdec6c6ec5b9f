"""DynamoDB for tests: moto in this process, and Amazon's DynamoDB Local where Java has it.

Over 300 lines: one choice of engine for every test: moto here, DynamoDB Local where Java is.

The fixtures are known to every test (tests/conftest.py):

    def test_something(dynamo, tables):  # moto: a client, and names by table
        accounts = DynamoAccounts(Table(dynamo, tables["accounts"]))

A suite for both engines is parametrized with ENGINES and asks `engine_of`:

    @pytest.fixture(params=["memory", "sqlite", *ENGINES])
    def accounts(request):
        ...
        client, tables = engine_of(request, request.param)

With `no_scan` a test fails when a Scan is issued on either.
"""

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest

ENGINES = ("moto", "dynamodb-local")

FOLDER = Path(__file__).parents[2] / ".tools" / "dynamodb-local"

XML = Path(__file__).with_name("dynamodb_local.xml")

STARTING = 60.0
"""Seconds that a JVM may take on a busy machine."""

KEYS: Mapping[str, Mapping[str, str]] = {
    "events": {"log": "S", "version": "N"},
    "snapshots": {"log": "S", "version": "N"},
    "views": {"pk": "S", "sk": "S"},
    "progress": {"pk": "S", "sk": "S"},
    "accounts": {"pk": "S", "sk": "S"},
    "connections": {"pk": "S", "sk": "S"},
    "keys": {"user": "S"},
}
"""Each table's hash and range key with their types."""

INDEXES: Mapping[str, list[dict[str, Any]]] = {
    "views": [
        {
            "IndexName": "by_member",
            "KeySchema": [
                {"AttributeName": "member", "KeyType": "HASH"},
                {"AttributeName": "pk", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["role"]},
        }
    ],
}
INDEX_KEYS: Mapping[str, Mapping[str, str]] = {"views": {"member": "S"}}

EXPIRING = ("progress", "accounts", "connections")
"""Tables whose items lapse at `expires`, seconds since the epoch."""

STREAMING = ("events",)


def definition(table: str) -> dict[str, Any]:
    """Returns CreateTable's arguments, save the name; template.yaml says the same."""
    keys = KEYS[table]
    attributes = {**keys, **INDEX_KEYS.get(table, {})}
    made: dict[str, Any] = {
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind} for name, kind in attributes.items()
        ],
        "KeySchema": [
            {"AttributeName": name, "KeyType": kind}
            for name, kind in zip(keys, ("HASH", "RANGE"), strict=False)
        ],
        "BillingMode": "PAY_PER_REQUEST",
    }
    if table in INDEXES:
        made["GlobalSecondaryIndexes"] = INDEXES[table]
    if table in STREAMING:
        made["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    return made


def create_tables(client: Any, prefix: str) -> dict[str, str]:
    """Creates every table; returns their names by table, `PREFIX-events` for `events`."""
    names = {table: f"{prefix}-{table}" for table in KEYS}
    for table, name in names.items():
        client.create_table(TableName=name, **definition(table))
        if table in EXPIRING:
            lapse = {"AttributeName": "expires", "Enabled": True}
            client.update_time_to_live(TableName=name, TimeToLiveSpecification=lapse)
    return names


def delete_tables(client: Any, names: Mapping[str, str]) -> None:
    for name in names.values():
        client.delete_table(TableName=name)


@cache
def client_of(endpoint: str | None = None) -> Any:
    """Returns a client of an endpoint, or the one that moto answers within `mock_aws`.

    Making one takes a tenth of a second, so tests share it. It tries each call once: the
    adapters' own retries are what tests look at.
    """
    import boto3
    import moto  # noqa: F401 a session knows moto only if moto was there first
    from botocore.config import Config

    session = boto3.session.Session(
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        aws_session_token="testing",
        region_name="us-east-1",
    )
    config = Config(
        retries={"total_max_attempts": 1}, max_pool_connections=50, inject_host_prefix=False
    )
    client = session.client("dynamodb", endpoint_url=endpoint, config=config)
    client.meta.events.register("before-call.dynamodb.Scan", scan_guard.heard)
    return client


# moto


@pytest.fixture
def dynamo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an empty DynamoDB in this process."""
    from moto import mock_aws

    fake_credentials(monkeypatch)
    with mock_aws():
        yield client_of()


@pytest.fixture
def tables(dynamo: Any) -> dict[str, str]:
    """The tables of `dynamo`, empty."""
    return create_tables(dynamo, "test")


def fake_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)


# DynamoDB Local


def missing() -> str | None:
    """Returns why DynamoDB Local cannot run here, None where it can."""
    if shutil.which("java") is None:
        return "no java here for DynamoDB Local"
    if not (FOLDER / "DynamoDBLocal.jar").exists():
        return "DynamoDB Local is not here: tools/install_dynamodb_local.sh fetches it"
    return None


@contextmanager
def running_dynamodb_local() -> Iterator[str]:
    """Runs DynamoDB Local in memory on a free port of 127.0.0.1; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["java", "-Xmx256m", "-Djava.library.path=DynamoDBLocal_lib", f"-Dport={port}"]
    command += ["-cp", "DynamoDBLocal.jar:DynamoDBLocal_lib/*"]
    command += ["org.eclipse.jetty.xml.XmlConfiguration", str(XML)]
    process = subprocess.Popen(
        command, cwd=FOLDER, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until_up(process, f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def wait_until_up(process: "subprocess.Popen[bytes]", address: str) -> None:
    until = time.monotonic() + STARTING
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"DynamoDB Local ended with {process.returncode}")
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except urllib.error.HTTPError:
            return  # it answers, if only that a bare GET is no request
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("DynamoDB Local did not answer")


@pytest.fixture(scope="session")
def dynamodb_local() -> Iterator[str]:
    """The address of one DynamoDB Local for all tests of this process."""
    why = missing()
    if why is not None:
        pytest.skip(why)
    with running_dynamodb_local() as address:
        yield address


_prefixes = count(1)


@pytest.fixture
def dynamo_local(dynamodb_local: str) -> Any:
    """A client of DynamoDB Local."""
    return client_of(dynamodb_local)


@pytest.fixture
def tables_local(dynamo_local: Any) -> Iterator[dict[str, str]]:
    """Tables of DynamoDB Local, empty, for this test alone."""
    names = create_tables(dynamo_local, f"test{next(_prefixes)}")
    yield names
    delete_tables(dynamo_local, names)


# Both


def engine_of(request: pytest.FixtureRequest, engine: str) -> tuple[Any, dict[str, str]]:
    """Returns a client of one of ENGINES, and the names of its empty tables."""
    suffix = "" if engine == "moto" else "_local"
    client = request.getfixturevalue(f"dynamo{suffix}")
    return client, request.getfixturevalue(f"tables{suffix}")


@contextmanager
def counting(client: Any) -> Iterator[list[str]]:
    """Yields the names of the operations that the client calls, in order."""
    called: list[str] = []

    def note(model: Any, **_: Any) -> None:
        called.append(model.name)

    client.meta.events.register("before-call.dynamodb", note)
    try:
        yield called
    finally:
        client.meta.events.unregister("before-call.dynamodb", note)


class LosingClient:
    """A client that carries out an operation and loses its answer.

    Parameters
    ----------
    lost: whether botocore's own retry meets the lost answer, which the caller does not see, or
        the caller, which gets the error.
    """

    def __init__(self, client: Any, operation: str, lost: Exception | None) -> None:
        self._client = client
        self._operation = operation
        self._lost = lost
        self.loses = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if name != self._operation or not self.loses:
            return method

        def losing(**arguments: Any) -> Any:
            self.loses -= 1
            method(**arguments)
            if self._lost is not None:
                raise self._lost
            return method(**arguments)

        return losing


class ScanGuard:
    """Hears of every Scan of the clients made here."""

    def __init__(self) -> None:
        self.on = False
        self.scanned: list[str] = []

    def heard(self, params: Mapping[str, Any], **_: Any) -> None:
        if self.on:
            self.scanned.append(str(params.get("body", "")))
            raise AssertionError("a Scan was issued")


scan_guard = ScanGuard()


@pytest.fixture
def no_scan() -> Iterator[None]:
    """Fails the test when a Scan is issued, even where its error was caught."""
    scan_guard.on = True
    scan_guard.scanned.clear()
    yield
    scan_guard.on = False
    assert not scan_guard.scanned, "a Scan was issued"
