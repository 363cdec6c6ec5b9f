"""`make invoke`: runs one function by `sam local invoke`, in a Lambda-like container.

    python -m tools.stack.invoking deliver one-message [--stack URL]

Payloads are events/FUNCTION/CASE.json. With --stack, the AWS endpoint that `make stack` prints, the
function has that stack's settings, its role's permissions, and reaches its tables. Without it, the
settings name no real services: calls to AWS fail at once, and no account is ever called.
"""

import argparse
import ipaddress
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from functions.settings import SETTINGS, required
from tools.stack.building import BUILD, SAM, ensure_built, sam_environment
from tools.stack.deploying import NAME
from tools.stack.emulator import REGION, ROOT, StackError
from tools.stack.forwarding import forwarded

EVENTS = ROOT / "events"
IMAGE = "public.ecr.aws/lambda/python:3.13-x86_64"
IMAGE_MAKER = ROOT / "tools" / "lambda_image.sh"
NOWHERE = "http://127.0.0.1:9"
"""An address in the container where nothing listens."""

Settings = Mapping[str, Mapping[str, str]]
"""Environments by a function's name in the template."""


@dataclass(frozen=True)
class Outcome:
    """The result of an invocation.

    Attributes
    ----------
    answer: the handler's answer, or Lambda's report of an exception, as JSON.
    log: output of SAM and the function.
    """

    answer: str
    log: str

    @property
    def failed(self) -> bool:
        """Whether the function raised an exception: SAM exits with 0 even then."""
        try:
            answer: Any = json.loads(self.answer)
        except ValueError:
            return True
        return isinstance(answer, dict) and "errorType" in answer


class Deployed:
    """Functions of a stack in an emulator on this machine.

    Parameters
    ----------
    endpoint: the emulator's address.
    """

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint.rstrip("/")
        self._session = boto3.Session("test", "test", region_name=REGION)
        self._found: dict[str, dict[str, Any]] = {}

    def _client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self.endpoint)

    @property
    def functions(self) -> dict[str, dict[str, Any]]:
        """Configurations by the name in the template. Raises StackError."""
        if not self._found:
            try:
                self._found = self._functions()
            except (BotoCoreError, ClientError) as error:
                problem = f"no stack answers at {self.endpoint} ({error}): is `make stack` running?"
                raise StackError(problem) from None
        return self._found

    def _functions(self) -> dict[str, dict[str, Any]]:
        lambdas = self._client("lambda")
        resources = self._client("cloudformation").describe_stack_resources(StackName=NAME)
        names = {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for resource in resources["StackResources"]
            if resource["ResourceType"] == "AWS::Lambda::Function"
        }
        return {
            name: lambdas.get_function_configuration(FunctionName=physical)
            for name, physical in names.items()
        }

    def settings(self, reached_at: str) -> Settings:
        """Returns the functions' environments, with the emulator at another HOST:PORT."""
        port = urlsplit(self.endpoint).port
        own = re.compile(rf"\b(?:127\.0\.0\.1|localhost):{port}\b")
        return {
            name: {
                key: own.sub(reached_at, value)
                for key, value in function["Environment"]["Variables"].items()
            }
            for name, function in self.functions.items()
        }

    def credentials(self, function: str) -> dict[str, str]:
        """Returns the environment with the credentials of the function's role."""
        role = self.functions[logical_id(function)]["Role"]
        given = self._client("sts").assume_role(RoleArn=role, RoleSessionName="invoke")
        return {
            "AWS_ACCESS_KEY_ID": given["Credentials"]["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["Credentials"]["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["Credentials"]["SessionToken"],
        }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make invoke", description=__doc__)
    parser.add_argument("function", choices=sorted(SETTINGS), metavar="FUNCTION")
    parser.add_argument("case", help="a file of events/FUNCTION, without .json")
    parser.add_argument("--stack", help="AWS endpoint of a running stack, as `make stack` prints")
    options = parser.parse_args(arguments)
    try:
        outcome = prepared(options.function, options.case, options.stack)
    except StackError as error:
        print(f"invoke: {error}", file=sys.stderr)
        return 1
    print(outcome.log, file=sys.stderr)
    print(outcome.answer)
    if not options.stack:
        print(
            "invoke: the function had no stack, so whatever needs AWS failed. `make stack` prints "
            "an AWS endpoint; give it as STACK=http://127.0.0.1:…",
            file=sys.stderr,
        )
    return 1 if outcome.failed else 0


def prepared(function: str, case: str, stack: str | None) -> Outcome:
    """Checks the prerequisites and invokes. Raises StackError."""
    payload = payload_of(function, case)
    need_engine()
    if not image():
        raise StackError(f"the image {IMAGE} is missing: {IMAGE_MAKER.relative_to(ROOT)} makes it")
    ensure_built("x86_64")
    if not stack:
        return invoke(function, payload, unsettled(), {})
    deployed = Deployed(stack)
    credentials = {**deployed.credentials(function), "AWS_ENDPOINT_URL": deployed.endpoint}
    with forwarded(bridge(), urlsplit(stack).port or 80) as address:
        return invoke(function, payload, deployed.settings(address), credentials)


def payload_of(function: str, case: str) -> Path:
    """Returns the file of a payload. Raises StackError with the names of existing ones."""
    payload = EVENTS / function / f"{case}.json"
    if not payload.exists():
        known = ", ".join(sorted(file.stem for file in payload.parent.glob("*.json")))
        raise StackError(f"there is no {payload.relative_to(ROOT)}; {function} has {known}")
    return payload


def docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the Docker client. Raises StackError if it is missing or hangs."""
    command = ["docker", *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StackError(f"no Docker engine: {error}") from None


def need_engine() -> None:
    """Raises StackError unless a Docker engine answers."""
    if docker("info").returncode:
        raise StackError("no Docker engine answers; docs/aws.md says how to start one")


def image() -> bool:
    """Returns whether the image in which SAM runs functions exists."""
    return not docker("image", "inspect", IMAGE).returncode


def bridge() -> str:
    """Returns this machine's address for containers. Raises StackError."""
    found = docker("network", "inspect", "bridge", "--format", "{{json .IPAM.Config}}")
    if found.returncode:
        raise StackError("the Docker engine has no bridge network")
    network = json.loads(found.stdout)[0]
    # Engines name the gateway once it is not the subnet's first address.
    first = next(ipaddress.ip_network(network["Subnet"]).hosts())
    return str(network.get("Gateway") or first)


def logical_id(function: str) -> str:
    """Returns the name of a function in the template: `DeliverFunction` for `deliver`."""
    return "".join(word.capitalize() for word in function.split("_")) + "Function"


def unsettled() -> Settings:
    """Returns complete settings that name no real services."""
    settings = {}
    for function in SETTINGS:
        settings[logical_id(function)] = {
            **dict.fromkeys(required(function), NOWHERE),
            "AWS_ENDPOINT_URL": NOWHERE,
        }
    return settings


def invoke(
    function: str, payload: Path, settings: Settings, credentials: Mapping[str, str]
) -> Outcome:
    """Runs a function with a payload.

    Raises
    ------
    StackError: SAM fails; an exception of the handler is not a failure of SAM.
    """
    with tempfile.TemporaryDirectory(prefix="parley-invoke-") as folder:
        variables = write_settings(Path(folder), settings)
        command = [*sam("invoke", variables), "--event", str(payload), logical_id(function)]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=local_environment(credentials),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise StackError(f"sam local invoke failed:\n{done.stderr}")
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    return Outcome(lines[-1] if lines else "", done.stderr.strip())


def write_settings(folder: Path, settings: Settings) -> Path:
    """Writes the file for SAM's --env-vars; returns its path."""
    file = folder / "settings.json"
    file.write_text(json.dumps(settings))
    return file


def sam(verb: str, settings: Path) -> list[str]:
    """Returns the command line of `sam local`, without the arguments of the verb."""
    return [
        *(str(SAM), "local", verb),
        *("--template", str(BUILD / "template.yaml")),
        *("--env-vars", str(settings)),
        *("--parameter-overrides", "Architecture=x86_64"),
        # The image is in no registry.
        "--skip-pull-image",
    ]


def local_environment(credentials: Mapping[str, str]) -> dict[str, str]:
    """Returns SAM's environment. Without credentials, SAM invents some."""
    # A folder without a file: a person's own credentials stay out of containers.
    nothing = os.devnull
    return {
        **sam_environment(),
        "AWS_CONFIG_FILE": nothing,
        "AWS_SHARED_CREDENTIALS_FILE": nothing,
        **credentials,
    }


if __name__ == "__main__":
    sys.exit(main())
