"""Starts and stops MiniStack."""

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parent.parent.parent
HOME = ROOT / ".tools" / "ministack"
REGION = "us-east-1"
WITH_US = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
"""Makes the emulator end with this process, however that ends."""

START = 60.0
"""Maximum of seconds until it answers."""


class StackError(Exception):
    """The stack cannot be built, deployed or reached; the message is for the user."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class Emulator:
    """A running MiniStack, bound to 127.0.0.1; its state is lost when it stops.

    Parameters
    ----------
    folder: for its log and temporary files.
    port: 0 for a free one.
    """

    def __init__(self, folder: Path, port: int = 0) -> None:
        program = HOME / "bin" / "ministack"
        if not program.exists():
            raise StackError("MiniStack is not installed: make .stamps/ministack")
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "ministack.log"
        environment = {
            **without_aws(os.environ),
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "localhost",
            "MINISTACK_REGION": REGION,
            "LOG_LEVEL": os.environ.get("MINISTACK_LOG", "WARNING"),
            "TMPDIR": str(folder),
            "STATE_DIR": str(folder / "state"),
            "S3_DATA_DIR": str(folder / "s3"),
            "LAMBDA_EXECUTOR": "local",
            "LAMBDA_STRICT": "0",
            # IAM is enforced for functions.
            "AUTH": "true",
            # They would listen on all addresses.
            "IOT_MTLS_ENABLED": "false",
            "SFTP_ENABLED": "false",
        }
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*WITH_US, str(program)],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + START
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise StackError(f"MiniStack ended at once; see {self.log}")
            try:
                with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        self.close()
        raise StackError(f"MiniStack did not answer within {START:.0f} s; see {self.log}")

    def environment(self) -> dict[str, str]:
        """Returns the environment for tools that use it."""
        return {
            **without_aws(os.environ),
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAM_CLI_TELEMETRY": "0",
        }

    def close(self) -> None:
        """Stops it and the functions that it runs."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        # Functions are processes of the same group; some outlive a termination of their parent.
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def without_aws(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns an environment in which nothing points at a real account."""
    return {name: value for name, value in environment.items() if not name.startswith("AWS_")}
