"""`make invoke`: runs one function by `sam local invoke`, in a Lambda-like container.

    python -m tools.stack.invoking deliver one-message [--stack URL]

Payloads are events/FUNCTION/CASE.json. With --stack, the address of a running `make stack`, the
function has that stack's settings and reaches its tables; without, what needs AWS fails.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3

from tools.stack.building import BUILD, SAM, ensure_built, sam_environment
from tools.stack.deploying import NAME
from tools.stack.emulator import REGION, ROOT, StackError

EVENTS = ROOT / "events"
IMAGE = "public.ecr.aws/lambda/python:3.13-x86_64"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make invoke", description=__doc__)
    parser.add_argument("function", help=", ".join(sorted(p.name for p in EVENTS.iterdir())))
    parser.add_argument("case", help="a file of events/FUNCTION, without .json")
    parser.add_argument("--stack", help="AWS endpoint of a running stack, as `make stack` prints")
    options = parser.parse_args(arguments)
    try:
        if not docker():
            raise StackError("no Docker engine answers (docs/aws.md says how to start one)")
        ensure_built("x86_64")
        settings = deployed_settings(options.stack) if options.stack else {}
        output = invoke(options.function, options.case, settings)
    except StackError as error:
        print(f"invoke: {error}", file=sys.stderr)
        return 1
    print(output)
    return 1 if failed(output) else 0


def docker() -> bool:
    """Returns whether a Docker engine answers."""
    try:
        return not subprocess.run(
            ["docker", "info"], capture_output=True, timeout=20, check=False
        ).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False


def image() -> bool:
    """Returns whether the image that SAM runs functions in is there."""
    found = subprocess.run(
        ["docker", "image", "inspect", IMAGE], capture_output=True, timeout=20, check=False
    )
    return not found.returncode


def logical_id(function: str) -> str:
    """Returns the name that a function has in the template: `DeliverFunction` of `deliver`."""
    return "".join(word.capitalize() for word in function.split("_")) + "Function"


def deployed_settings(endpoint: str) -> dict[str, dict[str, str]]:
    """Returns each function's environment in a deployed stack, by its name in the template."""
    session = boto3.Session("test", "test", region_name=REGION)
    resources = session.client("cloudformation", endpoint_url=endpoint)
    functions = session.client("lambda", endpoint_url=endpoint)
    settings: dict[str, dict[str, str]] = {}
    for resource in resources.describe_stack_resources(StackName=NAME)["StackResources"]:
        if resource["ResourceType"] == "AWS::Lambda::Function":
            name = resource["PhysicalResourceId"]
            found = functions.get_function_configuration(FunctionName=name)
            settings[resource["LogicalResourceId"]] = found["Environment"]["Variables"]
    return settings


def invoke(function: str, case: str, settings: dict[str, dict[str, str]]) -> str:
    """Runs a function with a payload; returns what it answered, as JSON.

    Raises
    ------
    StackError: there is no such payload, or SAM fails.
    """
    payload = EVENTS / function / f"{case}.json"
    if not payload.exists():
        raise StackError(f"there is no {payload.relative_to(ROOT)}")
    with tempfile.TemporaryDirectory() as folder:
        variables = Path(folder) / "settings.json"
        variables.write_text(json.dumps(settings))
        command = [
            *(str(SAM), "local", "invoke", logical_id(function)),
            *("--template", str(BUILD / "template.yaml")),
            *("--event", str(payload)),
            *("--env-vars", str(variables)),
            *("--parameter-overrides", "Architecture=x86_64", "Emulated=true", "EndpointHost=127.0.0.1:4599"),
            # The emulator is bound to this machine's loopback.
            *("--docker-network", "host"),
            "--skip-pull-image",
        ]
        done = subprocess.run(
            command, cwd=ROOT, env=sam_environment(), capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise StackError(f"sam local invoke failed:\n{done.stderr}")
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def failed(output: str) -> bool:
    """Returns whether a function raised: SAM ends with 0 even so."""
    try:
        answer: Any = json.loads(output)
    except ValueError:
        return True
    return isinstance(answer, dict) and "errorType" in answer


if __name__ == "__main__":
    sys.exit(main())
