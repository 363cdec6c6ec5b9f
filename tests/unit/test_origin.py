"""The secret that CloudFront adds, read and read again."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from adapters.origin.secrets import AGAIN, LIFE, OriginUnknown, SecretOrigin

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:origin-AbCdEf"


class Secrets:
    """Stands in for botocore's client: a secret with its stages."""

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


class Time:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def test_the_secret_is_read_once_a_minute_while_it_is_shown(time: Time) -> None:
    secrets = Secrets(AWSCURRENT="one")
    origin = SecretOrigin(secrets, ARN, time)
    assert all(origin.admits("one") for _ in range(10))
    assert secrets.asked == ["AWSCURRENT"]
    time.now += LIFE
    assert origin.admits("one")
    assert secrets.asked == ["AWSCURRENT"] * 2
    assert LIFE <= 60.0


def test_what_shows_nothing_or_something_else_is_refused_at_two_reads_a_minute(time: Time) -> None:
    secrets = Secrets(AWSCURRENT="one")
    origin = SecretOrigin(secrets, ARN, time)
    for shown in ("", "two", "ONE", "one ", "\ud800"):
        assert not origin.admits(shown)
    assert secrets.asked == ["AWSCURRENT", "AWSPREVIOUS"]


def test_a_rotation_refuses_nobody_and_ends_what_was_before_the_last(time: Time) -> None:
    secrets = Secrets(AWSCURRENT="one")
    origin = SecretOrigin(secrets, ARN, time)
    assert origin.admits("one")
    secrets.rotate("two")
    time.now += LIFE
    # CloudFront adds the old one until its configuration is deployed everywhere.
    assert origin.admits("one")
    assert origin.admits("two")
    secrets.rotate("three")
    time.now += LIFE
    assert not origin.admits("one")
    assert origin.admits("two")
    assert origin.admits("three")


def test_a_read_that_fails_goes_on_with_what_is_known(
    time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    secrets = Secrets(AWSCURRENT="one-secret")
    origin = SecretOrigin(secrets, ARN, time)
    assert origin.admits("one-secret")
    secrets.failing = EndpointConnectionError(endpoint_url="https://nowhere")
    time.now += LIFE
    assert all(origin.admits("one-secret") for _ in range(10))
    assert len(secrets.asked) == 2
    secrets.failing = None
    secrets.rotate("two-secret")
    time.now += AGAIN
    assert origin.admits("two-secret")
    assert "secret" not in " ".join(str(vars(record)["code"]) for record in caplog.records)


@pytest.mark.parametrize("error", [
    EndpointConnectionError(endpoint_url="https://nowhere"),
    ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetSecretValue"),
])  # fmt: skip
def test_a_secret_that_cannot_be_read_admits_nobody(time: Time, error: Exception) -> None:
    secrets = Secrets(AWSCURRENT="one")
    secrets.failing = error
    with pytest.raises(OriginUnknown):
        SecretOrigin(secrets, ARN, time).admits("one")
