"""The resources of a deployed stack as ports, found by the outputs of its CloudFormation stack."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import botocore.session

from adapters.apigateway.gateway import ApiGateway
from adapters.dynamodb.accounts import DynamoAccounts
from adapters.dynamodb.connections import DynamoConnections
from adapters.dynamodb.events import DynamoEvents
from adapters.dynamodb.generations import DynamoGenerations
from adapters.dynamodb.keys import DynamoKeys
from adapters.dynamodb.progress import DynamoProgress
from adapters.dynamodb.snapshots import DynamoSnapshots
from adapters.dynamodb.table import Table
from adapters.dynamodb.views import DynamoStore
from adapters.messaging.firehose import Firehose
from adapters.messaging.topic import Relay
from adapters.vault.aes import AesVault
from adapters.vault.kms import stack_master_key
from adapters.vault.openssl import OpenSslCipher
from domain.log import EventLog, is_person
from domain.projections.views import Views
from operations.common import OperationError
from operations.dead_letters import QUEUES, DeadLetters


class Stack:
    """A stack's resources as ports; each is created when it is first used."""

    def __init__(self, session: Any, name: str) -> None:
        self.name = name
        self._session = session
        self._clients: dict[str, Any] = {}
        self._outputs = self._describe()

    def _describe(self) -> Mapping[str, str]:
        (stack,) = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._session.client(service)
        return self._clients[service]

    def output(self, name: str) -> str:
        found = self._outputs.get(name)
        if found is None:
            raise OperationError(f"the stack {self.name} has no output {name}")
        return found

    def has(self, *names: str) -> bool:
        return all(name in self._outputs for name in names)

    def failures(self) -> dict[str, str]:
        """Returns the URLs of the queues for failed batches of the stream's readers, by name."""
        return {n: url for n, url in sorted(self._outputs.items()) if n.endswith("Failures")}

    def table(self, output: str) -> Table:
        return Table(self.client("dynamodb"), self.output(output))

    @cached_property
    def log(self) -> EventLog:
        events = DynamoEvents(self.table("EventsTable"))
        return EventLog(events, DynamoSnapshots(self.table("SnapshotsTable")))

    @cached_property
    def views(self) -> Views:
        return Views(DynamoStore(self.table("ViewsTable")))

    @cached_property
    def generations(self) -> DynamoGenerations:
        return DynamoGenerations(self.table("ViewsTable"))

    @cached_property
    def progress(self) -> DynamoProgress:
        return DynamoProgress(self.table("ProgressTable"))

    @cached_property
    def vault(self) -> AesVault:
        keys = DynamoKeys(self.table("KeysTable"))
        master = stack_master_key(self.client("kms"), self.output("VaultKey"), keys)
        return AesVault(keys, master, OpenSslCipher)

    @cached_property
    def accounts(self) -> DynamoAccounts:
        return DynamoAccounts(self.table("AccountsTable"))

    @cached_property
    def connections(self) -> DynamoConnections:
        return DynamoConnections(self.table("ConnectionsTable"))

    @cached_property
    def gateway(self) -> ApiGateway:
        return ApiGateway(self.output("SocketEndpoint"), botocore.session.get_session())

    @cached_property
    def topic(self) -> Relay | None:
        """The topic that `relay_events` publishes to; None if the stack has none."""
        return Relay(self.client("sns"), self.output("TopicArn")) if self.has("TopicArn") else None

    @cached_property
    def archive(self) -> Firehose | None:
        """The archive that `archive_events` writes to; None if the stack has none."""
        if not self.has("ArchiveStream"):
            return None
        return Firehose(self.client("firehose"), self.output("ArchiveStream"))

    def dead_letters(self) -> list[DeadLetters]:
        """Returns the stack's dead-letter queues."""
        return [
            DeadLetters(
                self.client("sqs"), name, self.output(f"{name}DeadLetters"), self.output(source)
            )
            for name in QUEUES
            if self.has(f"{name}DeadLetters", source := f"{name}Queue")
        ]

    def streams(self) -> list[str]:
        """Returns the ids of all logs: a Scan of the events table for each log's first event."""
        first = self.table("EventsTable").every(
            ProjectionExpression="#log",
            FilterExpression="#version = :first",
            ExpressionAttributeNames={"#log": "log", "#version": "version"},
            ExpressionAttributeValues={":first": {"N": "1"}},
        )
        # Rooms first: folding an erased person removes their name from the rooms.
        return sorted((str(item["log"]) for item in first), key=lambda id: (is_person(id), id))


class LazyPort:
    """Stands in for a resource that is created when it is first used: signing a person out needs no
    keys, and must work while the vault is closed (docs/runbooks/leaked-ticket.md)."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Any:
        return getattr(self._make(), name)
