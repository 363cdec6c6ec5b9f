"""`make deploy`: which stack, with which words, and what is uploaded in which order.

Over 300 lines: one fake AWS account, through every way in which a deployment goes or fails.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tools.stack import account
from tools.stack.account import (
    FOREVER,
    config,
    deploy,
    exists,
    sam_deploy,
    stack_outputs,
    target,
    upload,
)
from tools.stack.emulator import StackError
from tools.stack.parts import APPLICATION, STATE

OUTPUTS = {
    "Guests": "true",
    "UserPoolDomain": "parley-dev-42.auth.eu-central-1.amazoncognito.com",
    "UserPoolClientId": "client-42",
}


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No file and no variable of whoever runs this counts."""
    for name in ("AWS_REGION", "AWS_PROFILE", "AWS_DEFAULT_REGION", "CLOUDFORMATION_ROLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setattr(account, "ROOT", tmp_path)
    return tmp_path


def settled(folder: Path, text: str) -> None:
    (folder / "samconfig.toml").write_text(text)


def test_the_stack_is_the_one_that_samconfig_names(nowhere: Path) -> None:
    settled(
        nowhere,
        '[prod.global.parameters]\nstack_name = "chat"\nregion = "eu-west-1"\n'
        '[dev.deploy.parameters]\nstack_name = "chat-dev"\nregion = "eu-north-1"\n',
    )
    assert target("prod") == ("chat", "eu-west-1")
    # Where `sam deploy --guided` writes it.
    assert target("dev") == ("chat-dev", "eu-north-1")


def test_what_deploy_says_counts_over_what_all_commands_share(nowhere: Path) -> None:
    settled(
        nowhere,
        '[dev.global.parameters]\nstack_name = "a"\nregion = "eu-west-1"\n'
        '[dev.deploy.parameters]\nstack_name = "b"\n',
    )
    assert target("dev") == ("b", "eu-west-1")


def test_a_region_may_come_from_the_environment(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(nowhere, '[dev.global.parameters]\nstack_name = "chat"\n')
    with pytest.raises(StackError, match="no stack or no region for dev"):
        target("dev")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    assert target("dev") == ("chat", "eu-west-3")


def test_an_unknown_environment_and_a_stack_without_a_name_are_refused(nowhere: Path) -> None:
    settled(nowhere, '[dev.global.parameters]\nregion = "eu-west-1"\n')
    with pytest.raises(StackError, match="no environment prod"):
        target("prod")
    with pytest.raises(StackError, match="no stack or no region for dev"):
        target("dev")


def test_a_stack_is_told_its_own_parameters_and_nothing_is_asked_unattended() -> None:
    asked = sam_deploy("dev", STATE, "chat-state", {"RetentionDays": "30"}, False, None)
    assert asked[asked.index("--config-env") + 1] == "dev"
    assert asked[asked.index("--stack-name") + 1] == "chat-state"
    assert asked[-2:] == ["--parameter-overrides", "RetentionDays=30"]
    assert not {"--guided", "--no-confirm-changeset", "--role-arn"} & set(asked)
    alone = sam_deploy("prod", APPLICATION, "chat", {}, True, "arn:aws:iam::1:role/r")
    assert alone[alone.index("--template-file") + 1].endswith(".aws-sam/parley/template.yaml")
    assert "--no-confirm-changeset" in alone
    assert alone[-2:] == ["--role-arn", "arn:aws:iam::1:role/r"]


GIVEN = "Stage=prod", "DeletionProtection=true", "AlarmEmail=a@example.org"


@pytest.fixture
def aws(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> "Account":
    pairs = ", ".join(f'"{pair}"' for pair in GIVEN)
    settled(
        nowhere,
        '[prod.global.parameters]\nstack_name = "chat"\nregion = "eu-west-1"\n'
        f"[prod.deploy.parameters]\nparameter_overrides = [{pairs}]\n",
    )
    account = Account()
    monkeypatch.setattr("tools.stack.account.client", lambda service, region: account)
    monkeypatch.setattr("tools.stack.account.upload", lambda *_: None)
    monkeypatch.setattr("tools.stack.account.smoke", lambda outputs, cognito: account.smoke())
    monkeypatch.setattr("tools.stack.account.subprocess.run", account.run)
    return account


class Account:
    """An account in which SAM deploys at once; notes what it was told, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, str]]] = []
        self.there: set[str] = set()
        self.works = True

    def run(self, command: list[str], **_: Any) -> Any:
        stack = command[command.index("--stack-name") + 1]
        at = command.index("--parameter-overrides")
        self.told.append((stack, dict(pair.split("=", 1) for pair in command[at + 1 :])))
        self.there.add(stack)
        return subprocess.CompletedProcess(command, 0)

    def smoke(self) -> str:
        if not self.works:
            raise StackError("the smoke chat failed")
        return "it works"

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        if StackName not in self.there:
            error = {"Code": "ValidationError", "Message": f"{StackName} does not exist"}
            raise ClientError({"Error": error}, "DescribeStacks")
        found = {
            **OUTPUTS,
            "WebBucket": "web",
            "DistributionId": "D",
            "WebUrl": "https://c.example",
        }
        if StackName.endswith("-state"):
            found = {"EventsTable": "chat-state-events", "UserPool": "pool"}
        return {
            "Stacks": [
                {"Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in found.items()]},
            ]
        }

    def create_invalidation(self, **_: Any) -> None:
        return


def test_the_first_deployment_protects_its_state_at_its_end(aws: Account) -> None:
    deploy("prod", unattended=True)
    assert [stack for stack, _ in aws.told] == [
        *("chat-state", "chat", "chat-observability", "chat-state"),
    ]
    state, application, observability, again = [told for _, told in aws.told]
    # What is protected could not be cleaned up after a failure.
    assert state == {"DeletionProtection": "false"}
    assert again == {"DeletionProtection": "true"}
    assert application["EventsTable"] == "chat-state-events"
    assert application["Stage"] == "prod"
    assert "AlarmEmail" not in application
    assert observability["AlarmEmail"] == "a@example.org"
    assert observability["Application"] == "chat"
    aws.told.clear()
    deploy("prod", unattended=True)
    assert [stack for stack, _ in aws.told] == ["chat-state", "chat", "chat-observability"]
    assert aws.told[0][1] == {"DeletionProtection": "true"}


def test_what_samconfig_names_counts_over_what_a_stack_says(nowhere: Path, aws: Account) -> None:
    text = (nowhere / "samconfig.toml").read_text()
    settled(nowhere, text.replace('"Stage=prod"', '"EventsTable=restored"'))
    deploy("prod", unattended=True)
    _, application, *_ = [told for _, told in aws.told]
    assert application["EventsTable"] == "restored"


def test_a_deployment_fails_whose_smoke_chat_fails(aws: Account) -> None:
    aws.works = False
    with pytest.raises(StackError, match="smoke"):
        deploy("prod", unattended=True)


def test_the_web_app_is_told_where_to_sign_in() -> None:
    assert config(OUTPUTS, "eu-central-1") == {
        "api": "",
        "guests": True,
        "quiet_posts": True,
        "cognito": {
            "domain": "https://parley-dev-42.auth.eu-central-1.amazoncognito.com",
            "client_id": "client-42",
        },
    }
    short = {**OUTPUTS, "UserPoolDomain": "parley-prod", "Guests": "false"}
    told = config(short, "eu-west-1")
    assert told["guests"] is False
    assert told["cognito"]["domain"] == "https://parley-prod.auth.eu-west-1.amazoncognito.com"


class Recorded:
    """An S3 client that notes the order of what it puts."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3
        self.keys: list[str] = []

    def put_object(self, **call: Any) -> None:
        self.keys.append(call["Key"])
        self._s3.put_object(**call)


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="web")
        yield client


@pytest.fixture
def built(tmp_path: Path) -> Path:
    files = tmp_path / "dist"
    for name, text in {
        "index.html": "<script src=/assets/app-1.js>",
        "assets/app-1.js": "app",
        "assets/app-1.css": "css",
        "assets/app-1.js.br": "compressed",
        "assets/app-1.js.gz": "compressed",
        "index.html.br": "compressed",
        "icon.svg": "<svg/>",
        "config.json": '{"api": "http://127.0.0.1"}',
    }.items():
        (files / name).parent.mkdir(parents=True, exist_ok=True)
        (files / name).write_text(text)
    return files


def test_what_a_page_names_is_there_before_the_page(s3: Any, built: Path) -> None:
    recorded = Recorded(s3)
    upload(recorded, "web", built, {"api": ""})
    # Nor the forms that the build compresses: CloudFront does that itself.
    assert set(recorded.keys) == {
        *("assets/app-1.js", "assets/app-1.css", "icon.svg", "index.html", "config.json"),
    }
    assert len(recorded.keys) == 5
    page = recorded.keys.index("index.html")
    assert all(recorded.keys.index(key) < page for key in recorded.keys if "assets/" in key)


def test_what_its_content_names_is_kept_forever_and_nothing_else(s3: Any, built: Path) -> None:
    upload(s3, "web", built, {"api": "", "guests": True})
    held = {
        key: s3.get_object(Bucket="web", Key=key)
        for key in ("assets/app-1.js", "assets/app-1.css", "icon.svg", "index.html", "config.json")
    }
    cached = {key for key, found in held.items() if found["CacheControl"] == FOREVER}
    assert cached == {"assets/app-1.js", "assets/app-1.css"}
    assert {held[key]["CacheControl"] for key in held.keys() - cached} == {"no-cache"}
    types = {key: found["ContentType"] for key, found in held.items()}
    assert types["index.html"] == "text/html"
    assert types["assets/app-1.css"] == "text/css"
    assert types["assets/app-1.js"] in ("text/javascript", "application/javascript")
    assert types["icon.svg"] == "image/svg+xml"
    # This stack's, not the one that lay beside the build.
    assert json.loads(held["config.json"]["Body"].read()) == {"api": "", "guests": True}


def test_a_web_app_that_is_not_built_is_said(s3: Any, tmp_path: Path) -> None:
    with pytest.raises(StackError, match="not built"):
        upload(s3, "web", tmp_path / "none", {})
    assert s3.list_objects_v2(Bucket="web")["KeyCount"] == 0


class Stacks:
    """CloudFormation that answers or fails as it is told."""

    def __init__(self, failure: str = "") -> None:
        self._failure = failure

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        if self._failure:
            error = {"Code": "ValidationError", "Message": self._failure}
            raise ClientError({"Error": error}, "DescribeStacks")
        outputs = [{"OutputKey": "WebUrl", "OutputValue": "https://chat.example.org"}]
        return {"Stacks": [{"StackName": StackName, "Outputs": outputs}]}


def test_a_stack_is_known_by_its_outputs() -> None:
    assert exists(Stacks(), "parley")
    assert stack_outputs(Stacks(), "parley") == {"WebUrl": "https://chat.example.org"}
    assert not exists(Stacks("Stack with id parley does not exist"), "parley")


def test_another_failure_is_not_taken_for_a_stack_that_is_not_there() -> None:
    with pytest.raises(ClientError, match="denied"):
        exists(Stacks("access denied"), "parley")
