"""`make deploy`: the stack and its web app, to the AWS account that the environment names.

    python -m tools.stack.account --environment dev
    python -m tools.stack.account --environment dev --smoke

The template and artifact are those of `make build`. The first time SAM asks for what it cannot
know (`--guided`) and keeps the answers in samconfig.toml. Where nobody answers, in CI, --unattended
takes samconfig.toml as it is. CLOUDFORMATION_ROLE in the environment names the role that
CloudFormation shall act in (infra/oidc.yaml makes one); otherwise it acts with the caller's rights.
At the end a message is sent through the stack (tools/stack/smoke.py); --smoke does that alone.
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

from tools.stack.building import BUILD, SAM, SAM_SETTINGS
from tools.stack.emulator import ROOT, StackError
from tools.stack.smoke import smoke

FILES = ROOT / "frontend" / "dist"
FOREVER = "public, max-age=31536000, immutable"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make deploy", description=__doc__)
    parser.add_argument("--environment", default="dev", help="section of samconfig.toml")
    parser.add_argument("--unattended", action="store_true", help="ask nothing")
    parser.add_argument("--smoke", action="store_true", help="deploy nothing, try what is there")
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
    """Deploys, uploads the web app and says where it is. Raises StackError."""
    name, region = target(environment)
    first = not unattended and not exists(client("cloudformation", region), name)
    command = sam_deploy(environment, unattended, first, os.environ.get("CLOUDFORMATION_ROLE"))
    # Its questions and its table of changes are for whoever deploys.
    environ = {**os.environ, **SAM_SETTINGS}
    if subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode:
        raise StackError("sam deploy failed")
    # What was answered may have changed them.
    name, region = target(environment)
    outputs = stack_outputs(client("cloudformation", region), name)
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


def try_out(name: str, region: str) -> None:
    """Sends one message through a deployed stack and says how long it took. Raises StackError."""
    outputs = stack_outputs(client("cloudformation", region), name)
    print(smoke(outputs, client("cognito-idp", region)))


def sam_deploy(environment: str, unattended: bool, first: bool, role: str | None) -> list[str]:
    """Returns the command line.

    Parameters
    ----------
    unattended: nothing is asked, whatever samconfig.toml says.
    first: what samconfig.toml does not know is asked, where anything may be.
    role: ARN of the role that CloudFormation acts in.
    """
    return [
        str(SAM),
        "deploy",
        *("--config-env", environment),
        *("--config-file", str(ROOT / "samconfig.toml")),
        *("--template-file", str(BUILD / "template.yaml")),
        *(("--no-confirm-changeset",) if unattended else ()),
        *(("--guided",) if first and not unattended else ()),
        *(("--role-arn", role) if role else ()),
    ]


def client(service: str, region: str) -> Any:
    return boto3.client(service, region_name=region)


def target(environment: str) -> tuple[str, str]:
    """Returns the stack's name and region by samconfig.toml, the region else by the environment.

    Raises
    ------
    StackError: one of them is nowhere.
    """
    file = tomllib.loads((ROOT / "samconfig.toml").read_text())
    if environment not in file:
        raise StackError(f"samconfig.toml has no environment {environment}")
    sections = [file[environment].get(name, {}) for name in ("global", "deploy")]
    known = {key: value for one in sections for key, value in one.get("parameters", {}).items()}
    region = known.get("region") or boto3.Session().region_name
    if not region or "stack_name" not in known:
        raise StackError(f"samconfig.toml names no stack or no region for {environment}")
    return str(known["stack_name"]), str(region)


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
    """Returns what config.json tells the web app."""
    domain = outputs["UserPoolDomain"]
    if "." not in domain:
        domain = f"{domain}.auth.{region}.amazoncognito.com"
    return {
        "api": "",
        "guests": outputs["Guests"] == "true",
        "cognito": {
            "domain": f"https://{domain}",
            "client_id": outputs["UserPoolClientId"],
        },
    }


def upload(s3: Any, bucket: str, files: Path, config: Mapping[str, Any]) -> None:
    """Uploads the web app: what is named by its content first, the page that names it last."""
    if not (files / "index.html").exists():
        raise StackError("the web app is not built: make run or make deploy does it")
    found = [file for file in files.rglob("*") if file.is_file() and file.name != "config.json"]
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
