"""The parts from which the ports of a function on AWS are made: settings, botocore clients,
adapters."""

from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from adapters.apigateway.gateway import ApiGateway
from adapters.dynamodb.accounts import DynamoAccounts
from adapters.dynamodb.allowances import SharedAllowances
from adapters.dynamodb.connections import DynamoConnections
from adapters.dynamodb.cursors import DynamoCursors
from adapters.dynamodb.events import DynamoEvents
from adapters.dynamodb.keys import DynamoKeys
from adapters.dynamodb.once import DynamoOnce
from adapters.dynamodb.progress import DynamoProgress
from adapters.dynamodb.retention import DynamoRetention
from adapters.dynamodb.snapshots import DynamoSnapshots
from adapters.dynamodb.table import Table
from adapters.dynamodb.views import DynamoStore
from adapters.memory.limiter import TokenBuckets
from adapters.messaging.firehose import Firehose
from adapters.messaging.notices import MailNotices, TopicNotices
from adapters.messaging.presence import PresenceQueue
from adapters.messaging.shards import ShardQueue
from adapters.messaging.topic import Announcer, Relay
from adapters.vault.aes import AesVault
from adapters.vault.kms import stack_master_key
from adapters.vault.pycryptodome import PyCryptodomeCipher
from domain.chat.preferences import address_of, token_of
from domain.executing import DirectExecutor
from domain.log import EventLog
from domain.ports.outbound import Notifier
from domain.projections.views import Views
from domain.protocol.limits import COMMANDS_A_MINUTE
from functions import deadline
from functions.metrics import (
    InvocationMetrics,
    MeasuredGateway,
    MeasuredProgress,
    PrintCounts,
    printer,
)
from functions.observing import report
from functions.settings import NotConfigured, Settings

if TYPE_CHECKING:
    from adapters.origin.secrets import SecretOrigin


KEY_CACHE = 60.0
"""Seconds that a process keeps a person's key: the longest time until an erasure takes effect in a
warm process that does not get the event. Loading a key costs a read, $0.125 a million; checking at
each use whether the person was erased would cost that for every message."""


class Absent:
    """Stands in for a port that the function has no settings for."""

    def __init__(self, function: str, port: str) -> None:
        self._what = f"{function} has no {port}"

    def __getattr__(self, name: str) -> Any:
        raise NotConfigured(self._what)


class OnDemand:
    """Stands in for a port that few invocations use: the first of them creates it."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Any:
        return getattr(self._make(), name)


class Parts:
    """The parts of the ports; each is created when it is first used.

    Parameters
    ----------
    function: the handler's name.
    deployed: the function's name on AWS.
    """

    def __init__(self, function: str, deployed: str, settings: Settings, session: Any) -> None:
        self.function = function
        self.deployed = deployed
        self.settings = settings
        self.session = session
        self._clients: dict[str, Any] = {}

    def has(self, *names: str) -> bool:
        return all(name in self.settings for name in names)

    def setting(self, name: str) -> Any:
        return self.settings[name]

    def client(self, service: str) -> Any:
        """Returns a client whose calls end in time for a retry within the function's timeout."""
        if service not in self._clients:
            self._clients[service] = self._client(service, timeout=5.0, attempts=4)
        return self._clients[service]

    def once_client(self, service: str) -> Any:
        """Returns a client that tries once: for adapters that retry themselves, and for calls that
        a retry after a lost answer would execute twice."""
        return self._client(service, timeout=5.0, attempts=1)

    def quick_client(self, service: str) -> Any:
        """Returns a client for calls that may fail and must not delay anything."""
        return self._client(service, timeout=1.0, attempts=1)

    def _client(self, service: str, timeout: float, attempts: int) -> Any:
        config = Config(
            connect_timeout=min(timeout, 2.0),
            read_timeout=timeout,
            retries={"mode": "standard", "total_max_attempts": attempts},
            max_pool_connections=32,
            tcp_keepalive=True,
        )
        return self.session.create_client(service, config=config)

    @cached_property
    def print_counts(self) -> PrintCounts:
        return printer(self.setting("METRICS_NAMESPACE"))

    @cached_property
    def metrics(self) -> InvocationMetrics:
        return InvocationMetrics(printer(self.setting("METRICS_NAMESPACE"), self.deployed))

    def table(self, name: str) -> Table:
        return Table(self.client("dynamodb"), self.setting(name))

    def port(self, name: str, *needs: str) -> Any:
        """Returns the port of an attribute of this class, or its stand-in."""
        if not self.has(*needs):
            return Absent(self.function, name)
        return OnDemand(lambda: getattr(self, name)) if self._rare(name) else getattr(self, name)

    def _rare(self, name: str) -> bool:
        # The master key costs a call of KMS; views need it when a room is created.
        return (self.function, name) == ("project_views", "vault")

    @cached_property
    def log(self) -> EventLog:
        # The executor retries itself: attempts of two layers would multiply.
        client = self.once_client("dynamodb")
        snapshots: Any = Absent(self.function, "snapshots")
        if self.has("SNAPSHOTS_TABLE"):
            snapshots = DynamoSnapshots(Table(client, self.setting("SNAPSHOTS_TABLE")))
        return EventLog(DynamoEvents(Table(client, self.setting("EVENTS_TABLE"))), snapshots)

    @cached_property
    def views(self) -> Views:
        return Views(DynamoStore(self.table("VIEWS_TABLE")))

    @cached_property
    def progress(self) -> MeasuredProgress:
        return MeasuredProgress(DynamoProgress(self.table("PROGRESS_TABLE")), self.metrics)

    @cached_property
    def cursors(self) -> DynamoCursors:
        return DynamoCursors(self.table("PROGRESS_TABLE"))

    @cached_property
    def once(self) -> DynamoOnce:
        return DynamoOnce(self.table("PROGRESS_TABLE"))

    @cached_property
    def accounts(self) -> DynamoAccounts:
        return DynamoAccounts(self.table("ACCOUNTS_TABLE"))

    @cached_property
    def origin(self) -> "SecretOrigin":
        # Imported here: most functions read no secret (OCCASIONAL in functions/aws.py).
        from adapters.origin.secrets import SecretOrigin  # noqa: PLC0415

        return SecretOrigin(self.client("secretsmanager"), self.setting("ORIGIN_SECRET_ARN"))

    @cached_property
    def limiter(self) -> SharedAllowances:
        return SharedAllowances(TokenBuckets(COMMANDS_A_MINUTE), self.table("ACCOUNTS_TABLE"))

    @cached_property
    def connections(self) -> DynamoConnections:
        return DynamoConnections(self.table("CONNECTIONS_TABLE"))

    @cached_property
    def vault(self) -> AesVault:
        keys = DynamoKeys(self.table("KEYS_TABLE"))
        master = stack_master_key(self.client("kms"), self.setting("VAULT_KEY"), keys)
        return AesVault(keys, master, PyCryptodomeCipher, lifetime=KEY_CACHE)

    @cached_property
    def retention(self) -> DynamoRetention:
        events, views = self.table("EVENTS_TABLE"), self.table("VIEWS_TABLE")
        return DynamoRetention(events, views, self.table("PROGRESS_TABLE"))

    @cached_property
    def gateway(self) -> MeasuredGateway:
        gateway = ApiGateway(self.setting("SOCKET_ENDPOINT"), self.session, left=deadline.left)
        return MeasuredGateway(gateway, self.print_counts)

    @cached_property
    def background(self) -> PresenceQueue:
        return PresenceQueue(self.client("sqs"), self.setting("PRESENCE_QUEUE_URL"))

    @cached_property
    def shards(self) -> ShardQueue:
        return ShardQueue(self.client("sqs"), self.setting("DELIVERY_QUEUE_URL"))

    @cached_property
    def topic(self) -> Relay:
        return Relay(self.once_client("sns"), self.setting("TOPIC_ARN"))

    @cached_property
    def archive(self) -> Firehose:
        return Firehose(self.once_client("firehose"), self.setting("ARCHIVE_STREAM"))

    @cached_property
    def executor(self) -> DirectExecutor:
        views = self.port("views", "VIEWS_TABLE")
        if not self.setting("FAST_PUBLISH"):
            return DirectExecutor(self.log, views, report=self.snapshot_missing)
        announcer = Announcer(self.quick_client("sns"), self.setting("TOPIC_ARN"))
        announce, missing = announcer.announce, self.snapshot_missing
        return DirectExecutor(self.log, views, announce=announce, report=missing)

    def snapshot_missing(self, log_id: str, error: Exception) -> None:
        """Reports a snapshot that was not saved; the log's next events retry."""
        report(error, snapshot=log_id)
        self.print_counts({"SnapshotFailed": 1})

    @cached_property
    def notifiers(self) -> tuple[Notifier, ...]:
        topic = self.setting("NOTIFICATIONS_TOPIC")
        web_url = self.setting("WEB_URL")
        notices: Notifier = TopicNotices(self.once_client("sns"), topic, web_url)
        sender = self.setting("SENDER")
        if not sender:
            return (notices,)
        mail = MailNotices(
            self.once_client("sesv2"),
            sender,
            web_url,
            partial(address_of, self.log, self.accounts, self.vault),
            partial(token_of, self.vault),
        )
        return (notices, mail)
