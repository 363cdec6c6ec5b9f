"""A deployed stack with the web app in front of it, managed by this process."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from tools.stack.deploying import Clients, deploy
from tools.stack.emulator import ROOT, Emulator
from tools.stack.front import front

FILES = ROOT / "frontend" / "dist"


@dataclass(frozen=True)
class Stack:
    """A running stack.

    Attributes
    ----------
    outputs: outputs of CloudFormation.
    web: address of the web app and, under /api, of the HTTP API.
    """

    emulator: Emulator
    outputs: dict[str, str]
    web: str
    clients: Clients


@contextlib.contextmanager
def running(folder: Path, port: int = 0, emulator_port: int = 0) -> Iterator[Stack]:
    """Deploys the built template and serves the web app until the block ends.

    Raises
    ------
    StackError: MiniStack does not start, or SAM refuses.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    # From here on a connection waits for the web app instead of being refused.
    listener.listen(128)
    web = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with contextlib.closing(listener), Emulator(folder, emulator_port) as emulator:
        outputs = deploy(emulator, WebUrlOverride=web)
        config = {
            "api": "",
            "guests": outputs["Guests"] == "true",
            "quiet_posts": True,
            "cognito": {"domain": web, "client_id": outputs["UserPoolClientId"]},
        }
        application = front(FILES, api_url(emulator, outputs), emulator.url, config)
        server = uvicorn.Server(uvicorn.Config(application, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listener],), name="parley-front")
        thread.start()
        try:
            yield Stack(emulator, outputs, web, Clients(emulator))
        finally:
            server.should_exit = True
            thread.join()


def api_url(emulator: Emulator, outputs: dict[str, str]) -> str:
    """Returns the HTTP API's address in the emulator."""
    return f"{emulator.url}/_aws/execute-api/{outputs['HttpApiId']}"
