"""One cold start, in a process of its own: `cold_child.py FUNCTION ARTIFACT PACKAGES`.

It runs under the functions' Python and can access only the artifact, nothing else of this
repository. Prints bench.cold's figures as JSON. `sdk` for FUNCTION imports the SDK alone.
"""

import base64
import json
import os
import sys
import time


def main() -> None:
    function, artifact, packages = sys.argv[1:]
    os.environ["AWS_LAMBDA_FUNCTION_NAME"] = function
    # As template.yaml sets it: functions that read the secret load what reads it.
    os.environ["LAMBDA_TASK_ROOT"] = artifact
    os.environ["ORIGIN_SECRET_ARN"] = "arn:aws:secretsmanager:us-east-1:1:secret:origin"
    sys.path[:] = [artifact, *sys.path, packages]
    modules = [f"functions.{function}", "functions.aws"]
    if function == "sdk":
        modules = ["botocore.session", "botocore.client"]
    began, worked = time.perf_counter(), time.process_time()
    for module in modules:
        __import__(module)
    figures = {
        "imported": (time.perf_counter() - began) * 1000,
        "cpu": (time.process_time() - worked) * 1000,
        "modules": len(sys.modules),
        "uncompiled": uncompiled(artifact),
    }
    composed = 0.0 if function == "sdk" else compose(function)
    print(json.dumps({**figures, "composed": composed}))


def uncompiled(artifact: str) -> list[str]:
    """Returns the modules of the artifact that had to be compiled."""
    return [
        name
        for name, module in sys.modules.items()
        if (getattr(module, "__file__", None) or "").startswith(artifact)
        and str(module.__file__).endswith(".py")
        and not os.path.exists(str(module.__cached__))
    ]


def compose(function: str) -> float:
    """Returns the milliseconds that wiring the function takes."""
    aws = sys.modules["functions.aws"]
    environment = settings(function)
    began = time.perf_counter()
    session = aws.botocore.session.get_session()
    session.set_credentials("testing", "testing")
    session.set_config_variable("region", "us-east-1")
    session.register("before-send", answer)
    aws.compose(function, environment, session)
    return (time.perf_counter() - began) * 1000


def settings(function: str) -> dict[str, str]:
    needed = sys.modules["functions.settings"].required(function)
    return dict.fromkeys(needed, "http://127.0.0.1:9")


def answer(request: object, **_: object) -> object:
    """Answers as DynamoDB and KMS do for the master key, without a network."""
    from botocore.awsrequest import AWSResponse  # noqa: PLC0415 measured, not loaded before

    class Raw:
        def __init__(self, content: bytes) -> None:
            self._content = content

        def stream(self, **_: object) -> list[bytes]:
            return [self._content]

    key = base64.b64encode(bytes(32)).decode()
    headers = request.headers  # type: ignore[attr-defined]
    target = headers["X-Amz-Target"].decode()
    said: dict[str, object] = {"KeyId": "key", "Plaintext": key}
    if target.endswith(".GetItem"):
        said = {"Item": {"user": {"S": "master"}, "wrapped": {"B": key}}}
    elif not target.endswith(".Decrypt"):
        raise NotImplementedError(target)
    return AWSResponse("http://aws", 200, {}, Raw(json.dumps(said).encode()))


if __name__ == "__main__":
    main()
