"""The deployed stack, in the shape that the harness of the local server has."""

import contextlib
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from adapters.dynamodb.connections import DynamoConnections
from adapters.dynamodb.table import Table
from domain.ports.connections import Connection
from tests.server.harness import Server, Socket, until
from tools.stack.deploying import NAME
from tools.stack.running import Stack

FAULT = re.compile(r'Traceback|"level":"ERROR"|unexpected error|Task timed out')

GATHERED = 2.0
"""Seconds after which the relay has published what it had read: it gathers for one."""


class StackServer(Server):
    """Lets `Person`, `Party` and the browser's `House` talk to a stack."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(Path())
        self.stack = stack
        self.url = stack.web
        self.port = int(urlsplit(stack.web).port or 0)
        self._began = stack.emulator.log.stat().st_size

    def start(self) -> "StackServer":
        return self

    def stop(self) -> int:
        """Closes the sockets; the stack goes on for other tests."""
        sockets: list[Socket] = self._sockets
        self._sockets = []
        for socket in sockets:
            socket.close()
        return 0

    @property
    def faults(self) -> list[str]:
        """What the functions logged since this began that tells of a fault."""
        with self.stack.emulator.log.open("rb") as log:
            log.seek(self._began)
            lines = log.read().decode(errors="replace").splitlines()
        return [line for line in lines if FAULT.search(line)]

    def client(self, service: str) -> Any:
        return self.stack.clients(service)

    def named(self, name: str) -> str:
        return self.stack.outputs[name]

    def table(self, output: str) -> Table:
        return Table(self.client("dynamodb"), self.named(output))

    @property
    def connections(self) -> DynamoConnections:
        return DynamoConnections(self.table("ConnectionsTable"))

    def plant_connection(self, user: str, room: str) -> str:
        """Notes a connection that API Gateway knows nothing of, opened an hour ago."""
        ghost = f"ghost{secrets.token_hex(6)}="
        hour_ago = DynamoConnections(self.table("ConnectionsTable"), lambda: time.time() - 3_600)
        hour_ago.open(Connection(ghost, user, "no session"))
        self.connections.subscribe(ghost, room)
        return ghost

    def expire_tickets(self) -> None:
        """Has the time of all tickets be over."""
        accounts = self.table("AccountsTable")
        for item in list(accounts.every()):
            if item["pk"].startswith("ticket#"):
                over = time.time() - 1.0
                accounts.put({**item, "until": over, "expires": int(over)})

    def physical(self, logical_id: str) -> str:
        """Returns the real name of what the template calls so."""
        found = self.client("cloudformation").describe_stack_resource(
            StackName=NAME, LogicalResourceId=logical_id
        )
        name: str = found["StackResourceDetail"]["PhysicalResourceId"]
        return name

    def function(self, logical_id: str) -> str:
        """Returns a function's name."""
        return self.physical(logical_id)

    @contextlib.contextmanager
    def setting(self, logical_id: str, **changed: str) -> Iterator[None]:
        """Runs a function that answers frames with other settings meanwhile.

        MiniStack keeps the processes behind a WebSocket by the alias's name, so moving the alias
        reaches none of them. Frames go to a new alias, whose processes begin with these settings.
        """
        client, name = self.client("lambda"), self.function(logical_id)
        before = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        environment = {**before, **changed}
        client.update_function_configuration(
            FunctionName=name, Environment={"Variables": environment}
        )
        version = client.publish_version(FunctionName=name)["Version"]
        client.update_function_configuration(FunctionName=name, Environment={"Variables": before})
        alias = f"changed-{secrets.token_hex(4)}"
        client.create_alias(FunctionName=name, Name=alias, FunctionVersion=version)
        gateway = self.client("apigatewayv2")
        api = self.named("SocketApiId")
        of_frames = {
            one["IntegrationId"]: one["IntegrationUri"]
            for one in gateway.get_integrations(ApiId=api)["Items"]
            if f":{name}:live/" in one["IntegrationUri"]
        }
        assert of_frames, "no integration calls the function"
        for id, uri in of_frames.items():
            other = uri.replace(f":{name}:live/", f":{name}:{alias}/")
            gateway.update_integration(ApiId=api, IntegrationId=id, IntegrationUri=other)
        try:
            yield
        finally:
            for id, uri in of_frames.items():
                gateway.update_integration(ApiId=api, IntegrationId=id, IntegrationUri=uri)

    @contextlib.contextmanager
    def without_relay(self) -> Iterator[None]:
        """Has nobody read the events' stream for the topic meanwhile; afterwards it is read on."""
        source = {"UUID": self.physical("RelayEventsSource")}
        client = self.client("lambda")
        client.update_event_source_mapping(**source, Enabled=False)
        try:
            until(lambda: client.get_event_source_mapping(**source)["State"] == "Disabled", 60)
            # What it had read already is on its way.
            time.sleep(GATHERED)
            yield
        finally:
            client.update_event_source_mapping(**source, Enabled=True)
