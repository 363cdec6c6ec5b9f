"""Measures how long a message takes through the emulated stack, with fast publish and with the
relay alone.

    python -m tools.cost.latency

Builds and deploys into MiniStack on this machine, like `make stack`. An emulator's figures are not
AWS's: they show the difference between the two paths, and that the paths work.
"""

import contextlib
import itertools
import json
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tools.stack.building import ensure_built
from tools.stack.deploying import NAME
from tools.stack.emulator import StackError
from tools.stack.running import Stack, running

ROUNDS, WARM = 60, 15
PATIENCE = 30.0


class Person:
    """A person with a session and a socket."""

    _ids = itertools.count(1)

    def __init__(self, web: str, nickname: str, open: contextlib.ExitStack) -> None:
        self._web = web
        token = self._call("/api/session", {"nickname": nickname})["token"]
        url = self._call("/api/tickets", {}, token)["url"]
        self.socket: ClientConnection = open.enter_context(connect(url, open_timeout=PATIENCE))

    def _call(self, path: str, body: dict[str, str], token: str = "") -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(self._web + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def send(self, action: str, **fields: Any) -> str:
        id = f"latency-{next(self._ids)}"
        self.socket.send(json.dumps({"action": action, "id": id, **fields}))
        return id

    def until(self, id: str, kind: str) -> float:
        """Returns when the answer to a command, or its event, came."""
        while True:
            frame = json.loads(self.socket.recv(timeout=PATIENCE))
            came = time.perf_counter()
            if frame["type"] == "error":
                raise StackError(f"the stack answered {frame['code']}: {frame['message']}")
            if frame["type"] == kind and frame.get("id") == id:
                return came
            if kind == "events" and any(e.get("id") == id for e in frame.get("events", ())):
                return came

    def ok(self, action: str, **fields: Any) -> None:
        self.until(self.send(action, **fields), "synced" if action == "sync" else "ack")


@contextlib.contextmanager
def fast_publish(stack: Stack, on: bool) -> Iterator[None]:
    """Makes `socket_message` publish after the ack, or leave it to the relay."""
    cloud, client = stack.clients("cloudformation"), stack.clients("lambda")
    name = cloud.describe_stack_resource(StackName=NAME, LogicalResourceId="SocketMessageFunction")[
        "StackResourceDetail"
    ]["PhysicalResourceId"]
    settings = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

    def configure(value: str) -> None:
        changed = {**settings, "FAST_PUBLISH": value}
        client.update_function_configuration(FunctionName=name, Environment={"Variables": changed})
        version = client.publish_version(FunctionName=name)["Version"]
        client.update_alias(FunctionName=name, Name="live", FunctionVersion=version)

    configure(str(on).lower())
    try:
        yield
    finally:
        configure(settings["FAST_PUBLISH"])


def measured(writer: Person, reader: Person, room: str) -> tuple[list[float], list[float]]:
    """Returns milliseconds to the ack, and to the other person's push, one message after the
    other."""
    acks, pushes = [], []
    for number in range(WARM + ROUNDS):
        began = time.perf_counter()
        id = writer.send("post", room=room, text=f"message {number}")
        ack = writer.until(id, "ack")
        push = reader.until(id, "events")
        if number >= WARM:
            acks.append((ack - began) * 1000)
            pushes.append((push - began) * 1000)
    return acks, pushes


def main() -> int:
    ensure_built("x86_64")
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as stack:
        print("| way | to the ack, median ms | p90 | to the other's push, median ms | p90 |")
        print("|---|--:|--:|--:|--:|")
        for on in (True, False):
            with fast_publish(stack, on), contextlib.ExitStack() as open:
                names = f"writer-{on}", f"reader-{on}"
                writer, reader = (Person(stack.web, name, open) for name in names)
                room = f"latency-{str(on).lower()}"
                writer.ok("create_room", room=room, name="Latency", kind="public")
                reader.ok("join", room=room)
                for someone in (writer, reader):
                    someone.ok("sync", rooms={room: None})
                figures = []
                for taken in measured(writer, reader, room):
                    p90 = statistics.quantiles(taken, n=10)[-1]
                    figures += [f"{statistics.median(taken):.0f}", f"{p90:.0f}"]
                label = "fast publish and relay" if on else "relay alone"
                print(f"| {label} | {' | '.join(figures)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
