"""Deploys the three stacks into MiniStack and corrects what its CloudFormation ignores."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3

from tools.stack.building import BUILD, SAM, sam_environment
from tools.stack.emulator import REGION, ROOT, Emulator, StackError
from tools.stack.parts import APPLICATION, Parameters, Part, deploy_all

NAME = "parley"
EXPIRING = ("ProgressTable", "AccountsTable", "ConnectionsTable")
"""Outputs that name the tables with a time to live."""


def deploy(emulator: Emulator, **parameters: str) -> dict[str, str]:
    """Deploys state, application and observability; returns the application's outputs.

    Raises
    ------
    StackError: with SAM's output.
    """
    chosen = {
        "Stage": "dev",
        "Architecture": "x86_64",
        "Emulated": "true",
        "EndpointHost": f"127.0.0.1:{emulator.port}",
        "DeletionProtection": "false",
        "CanaryDeployment": "None",
        "ArchiveWindow": "0",
        **parameters,
    }
    clients = Clients(emulator)

    def one(part: Part, parameters: Parameters) -> dict[str, str]:
        file = emulated_template() if part is APPLICATION else part.file
        _sam_deploy(emulator, file, part.stack(NAME), parameters)
        return clients.outputs(part.stack(NAME))

    outputs = dict(deploy_all(NAME, chosen, one))
    put_right(clients, outputs)
    return outputs


def _sam_deploy(emulator: Emulator, file: Path, stack: str, parameters: Parameters) -> None:
    command = [
        str(SAM),
        "deploy",
        "--no-progressbar",
        *("--template-file", str(file)),
        *("--config-env", "emulator"),
        *("--stack-name", stack),
        *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),
        *("--resolve-s3", "--no-confirm-changeset", "--no-fail-on-empty-changeset"),
        "--parameter-overrides",
        *(f"{name}={value}" for name, value in parameters.items()),
    ]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**sam_environment(), **emulator.environment()},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        what = f"sam deploy of {stack} failed:"
        raise StackError("\n".join([what, *said[-20:], f"See {emulator.log}"]))


def emulated_template() -> Path:
    """Writes the built template without resources that MiniStack does not support; returns its
    path."""
    text = (BUILD / "template.yaml").read_text()
    # AWS::CodeDeploy: new versions take over at once.
    text, left_out = re.subn(r"^( +)DeploymentPreference:\n(?:\1  .*\n)+", "", text, flags=re.M)
    if not left_out:
        raise StackError("the built template has no DeploymentPreference to leave out")
    path = BUILD / "emulated.yaml"
    path.write_text(text)
    return path


class Clients:
    """boto3 clients of the emulator."""

    def __init__(self, emulator: Emulator, region: str = REGION) -> None:
        self._session = boto3.Session(
            aws_access_key_id="test", aws_secret_access_key="test", region_name=region
        )
        self._url = emulator.url
        self._made: dict[str, Any] = {}

    def __call__(self, service: str) -> Any:
        if service not in self._made:
            self._made[service] = self._session.client(service, endpoint_url=self._url)
        return self._made[service]

    def outputs(self, stack_name: str = NAME) -> dict[str, str]:
        stack = self("cloudformation").describe_stacks(StackName=stack_name)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def put_right(clients: Clients, outputs: Mapping[str, str]) -> None:
    """Sets properties that MiniStack's CloudFormation silently ignores, and checks them.

    Raises
    ------
    StackError: the topic is still not a FIFO topic, or a table has no time to live.
    """
    topic = outputs["TopicArn"]
    sns = clients("sns")
    if not topic.endswith(".fifo"):
        raise StackError("the topic's name says that it is no FIFO topic")
    sns.set_topic_attributes(TopicArn=topic, AttributeName="FifoTopic", AttributeValue="true")
    if sns.get_topic_attributes(TopicArn=topic)["Attributes"].get("FifoTopic") != "true":
        raise StackError("MiniStack does not take the topic as FIFO")
    dynamodb = clients("dynamodb")
    for output in EXPIRING:
        table = outputs[output]
        held = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        if held.get("TimeToLiveStatus") != "ENABLED":
            dynamodb.update_time_to_live(
                TableName=table,
                TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"},
            )
        held = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        if held.get("AttributeName") != "expires":
            raise StackError(f"MiniStack keeps no time to live of {output}")
