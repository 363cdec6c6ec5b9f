"""`make deploy`: the stack and its web app, to the AWS account that the environment names.

    python -m tools.stack.account --environment dev
    python -m tools.stack.account --environment dev --smoke

The application's template and artifact are those of `make build`; state and observability are
separate stacks (tools/stack/parts.py). samconfig.toml has the parameters of all three. SAM shows
the changes of each and asks; with --unattended, for CI, it does not ask. Tables are protected from
deletion once everything is deployed. CLOUDFORMATION_ROLE in the environment names the role for
CloudFormation (infra/oidc.yaml creates one); otherwise it acts with the caller's rights. At the end
a message is sent through the stack (tools/stack/smoke.py); --smoke does that alone.
"""

import argparse
import json
import mimetypes
import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from tools.stack.building import SAM, SAM_SETTINGS
from tools.stack.emulator import ROOT, StackError
from tools.stack.parts import STATE, Parameters, Part, deploy_all
from tools.stack.smoke import smoke

FILES = ROOT / "frontend" / "dist"
UNPROTECTED = {"DeletionProtection": "false"}
FOREVER = "public, max-age=31536000, immutable"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make deploy", description=__doc__)
    parser.add_argument("--environment", default="dev", help="section of samconfig.toml")
    parser.add_argument("--unattended", action="store_true", help="ask nothing")
    parser.add_argument("--smoke", action="store_true", help="only run the smoke chat")
    options = parser.parse_args()
    try:
        if options.smoke:
            try_out(*target(options.environment))
        else:
            deploy(options.environment, options.unattended)
    except (StackError, BotoCoreError, ClientError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    return 0


def deploy(environment: str, unattended: bool = False) -> None:
    """Deploys, uploads the web app and prints its address. Raises StackError."""
    name, region = target(environment)
    cloudformation = client("cloudformation", region)
    given = parameters(environment)
    first = not exists(cloudformation, STATE.stack(name))

    def one(part: Part, told: Parameters) -> dict[str, str]:
        stack = part.stack(name)
        role = os.environ.get("CLOUDFORMATION_ROLE")
        command = sam_deploy(environment, part, stack, told, unattended, role)
        # Its questions and its table of changes are for the operator.
        environ = {**os.environ, **SAM_SETTINGS}
        if subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode:
            raise StackError(f"sam deploy of {stack} failed")
        return stack_outputs(cloudformation, stack)

    # Protected resources could not be cleaned up if the first deployment fails.
    outputs = deploy_all(name, {**given, **(UNPROTECTED if first else {})}, one)
    upload(client("s3", region), outputs["WebBucket"], FILES, config(outputs, region))
    client("cloudfront", region).create_invalidation(
        DistributionId=outputs["DistributionId"],
        InvalidationBatch={
            "Paths": {"Quantity": 1, "Items": ["/*"]},
            "CallerReference": str(time.time_ns()),
        },
    )
    print(f"Parley is at {outputs['WebUrl']}")
    try_out(name, region)
    if first and given.get("DeletionProtection") == "true":
        one(STATE, STATE.told(given))


def try_out(name: str, region: str) -> None:
    """Sends one message through a deployed stack and prints its times. Raises StackError."""
    outputs = stack_outputs(client("cloudformation", region), name)
    print(smoke(outputs, client("cognito-idp", region)))


def sam_deploy(
    environment: str,
    part: Part,
    stack: str,
    told: Mapping[str, str],
    unattended: bool,
    role: str | None,
) -> list[str]:
    """Returns the command line that deploys one of the stacks.

    Parameters
    ----------
    told: parameters that replace those of samconfig.toml.
    unattended: nothing is asked, whatever samconfig.toml says.
    role: ARN of CloudFormation's role.
    """
    return [
        str(SAM),
        "deploy",
        *("--config-env", environment),
        *("--config-file", str(ROOT / "samconfig.toml")),
        *("--template-file", str(part.file)),
        *("--stack-name", stack),
        *(("--no-confirm-changeset",) if unattended else ()),
        *(("--role-arn", role) if role else ()),
        *(("--parameter-overrides",) if told else ()),
        *(f"{name}={value}" for name, value in told.items()),
    ]


def parameters(environment: str) -> Parameters:
    """Returns the parameters of samconfig.toml, of all three stacks. Raises StackError."""
    given = _known(environment).get("parameter_overrides", [])
    # SAM also accepts a single text.
    pairs = given.split() if isinstance(given, str) else given
    return dict(pair.split("=", 1) for pair in pairs)


def client(service: str, region: str) -> Any:
    return boto3.client(service, region_name=region)


def target(environment: str) -> tuple[str, str]:
    """Returns the stack's name and region from samconfig.toml; if missing, the region from the
    environment.

    Raises
    ------
    StackError: one of them is missing.
    """
    known = _known(environment)
    region = known.get("region") or boto3.Session().region_name
    if not region or "stack_name" not in known:
        raise StackError(f"samconfig.toml names no stack or no region for {environment}")
    return str(known["stack_name"]), str(region)


def _known(environment: str) -> dict[str, Any]:
    """Returns samconfig.toml's settings for deployments to an environment. Raises StackError."""
    file = tomllib.loads((ROOT / "samconfig.toml").read_text())
    if environment not in file:
        raise StackError(f"samconfig.toml has no environment {environment}")
    sections = [file[environment].get(name, {}) for name in ("global", "deploy")]
    return {key: value for one in sections for key, value in one.get("parameters", {}).items()}


def exists(cloudformation: Any, name: str) -> bool:
    try:
        cloudformation.describe_stacks(StackName=name)
    except ClientError as error:
        if "does not exist" in str(error):
            return False
        raise
    return True


def stack_outputs(cloudformation: Any, name: str) -> dict[str, str]:
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def config(outputs: Mapping[str, str], region: str) -> dict[str, Any]:
    """Returns the content of config.json for the web app."""
    domain = outputs["UserPoolDomain"]
    if "." not in domain:
        domain = f"{domain}.auth.{region}.amazoncognito.com"
    return {
        "api": "",
        "guests": outputs["Guests"] == "true",
        # A frame to a connection is billed here: the push serves as the ack of a post.
        "quiet_posts": True,
        "cognito": {
            "domain": f"https://{domain}",
            "client_id": outputs["UserPoolClientId"],
        },
    }


def upload(s3: Any, bucket: str, files: Path, config: Mapping[str, Any]) -> None:
    """Uploads the web app: files that are named by their content first, the page that refers to
    them last.

    The compressed forms stay here: CloudFront compresses what it sends, and keeps that.
    """
    if not (files / "index.html").exists():
        raise StackError("the web app is not built: make run or make deploy does it")
    found = [
        file
        for file in files.rglob("*")
        if file.is_file() and file.name != "config.json" and file.suffix not in (".br", ".gz")
    ]
    for file in sorted(found, key=lambda file: (file.name == "index.html", file)):
        key = file.relative_to(files).as_posix()
        s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=file.read_bytes(),
            ContentType=mimetypes.guess_type(file.name)[0] or "application/octet-stream",
            CacheControl=FOREVER if key.startswith("assets/") else "no-cache",
        )
    s3.put_object(
        Bucket=bucket,
        Key="config.json",
        Body=json.dumps(config).encode(),
        ContentType="application/json",
        CacheControl="no-cache",
    )


if __name__ == "__main__":
    sys.exit(main())
