"""The secret that CloudFront adds, read and read again."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parameters import base
from botocore.exceptions import ClientError, EndpointConnectionError

from adapters.origin.secrets import AGAIN, LIFE, OriginUnknown, SecretOrigin

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:origin-AbCdEf"


class Events:
    """Stands in for the client's event hooks: Parameters name themselves in the user agent."""

    def register(self, *_: Any, **__: Any) -> None: ...


class Meta:
    events = Events()


class Secrets:
    """Stands in for botocore's client: a secret with its stages."""

    meta = Meta()

    def __init__(self, **stages: str) -> None:
        self.stages = stages
        self.asked: list[str] = []
        self.failing: Exception | None = None

    def get_secret_value(self, SecretId: str, VersionStage: str) -> dict[str, Any]:  # noqa: N803
        assert SecretId == ARN
        self.asked.append(VersionStage)
        if self.failing is not None:
            raise self.failing
        if VersionStage not in self.stages:
            error = {"Error": {"Code": "ResourceNotFoundException"}}
            raise ClientError(error, "GetSecretValue")
        return {"SecretString": self.stages[VersionStage]}

    def rotate(self, secret: str) -> None:
        self.stages = {"AWSPREVIOUS": self.stages["AWSCURRENT"], "AWSCURRENT": secret}


class Time(datetime):
    """A clock that stands still until `wait`."""

    _now = datetime(2026, 1, 2)

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return cls._now

    @classmethod
    def wait(cls, seconds: float) -> None:
        cls._now += timedelta(seconds=seconds, milliseconds=1)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> type[Time]:
    monkeypatch.setattr(base, "datetime", Time)
    return Time


def test_the_secret_is_read_once_a_minute_while_it_is_shown(time: type[Time]) -> None:
    secrets = Secrets(AWSCURRENT="one")
    origin = SecretOrigin(secrets, ARN)
    assert all(origin.admits("one") for _ in range(10))
    assert secrets.asked == ["AWSCURRENT"]
    time.wait(LIFE)
    assert origin.admits("one")
    assert secrets.asked == ["AWSCURRENT"] * 2
    assert LIFE <= 60


def test_what_shows_nothing_or_something_else_is_refused_at_two_reads_a_minute(
    time: type[Time],
) -> None:
    secrets = Secrets(AWSCURRENT="one")
    origin = SecretOrigin(secrets, ARN)
    for shown in ("", "two", "ONE", "one ", "\ud800"):
        assert not origin.admits(shown)
    assert secrets.asked == ["AWSCURRENT", "AWSPREVIOUS"]


def test_a_rotation_refuses_nobody_and_ends_what_was_before_the_last(time: type[Time]) -> None:
    secrets = Secrets(AWSCURRENT="one")
    origin = SecretOrigin(secrets, ARN)
    assert origin.admits("one")
    secrets.rotate("two")
    time.wait(LIFE)
    # CloudFront adds the old one until its configuration is deployed everywhere.
    assert origin.admits("one")
    assert origin.admits("two")
    secrets.rotate("three")
    time.wait(LIFE)
    assert not origin.admits("one")
    assert origin.admits("two")
    assert origin.admits("three")


def test_a_read_that_fails_goes_on_with_what_is_known(
    time: type[Time], caplog: pytest.LogCaptureFixture
) -> None:
    secrets = Secrets(AWSCURRENT="one-secret")
    origin = SecretOrigin(secrets, ARN)
    assert origin.admits("one-secret")
    secrets.failing = EndpointConnectionError(endpoint_url="https://nowhere")
    time.wait(LIFE)
    assert all(origin.admits("one-secret") for _ in range(10))
    assert len(secrets.asked) == 2
    secrets.failing = None
    secrets.rotate("two-secret")
    time.wait(AGAIN)
    assert origin.admits("two-secret")
    assert "secret" not in " ".join(str(vars(record)["code"]) for record in caplog.records)


@pytest.mark.parametrize("error", [
    EndpointConnectionError(endpoint_url="https://nowhere"),
    ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetSecretValue"),
])  # fmt: skip
def test_a_secret_that_cannot_be_read_admits_nobody(time: type[Time], error: Exception) -> None:
    secrets = Secrets(AWSCURRENT="one")
    secrets.failing = error
    with pytest.raises(OriginUnknown):
        SecretOrigin(secrets, ARN).admits("one")
