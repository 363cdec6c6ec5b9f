"""The services that a composition root gives to the use cases."""

from collections.abc import Callable
from dataclasses import dataclass, field

from domain.aggregate import Aggregate
from domain.claiming import ProcessCursors
from domain.log import EventLog
from domain.metrics import Uncounted
from domain.ports.accounts import Accounts
from domain.ports.background import Background
from domain.ports.commands import CommandIndex, Executor
from domain.ports.connections import Connections, Gateway
from domain.ports.consumers import Cursors, Progress, Shards
from domain.ports.limits import Limiter, Origin
from domain.ports.metrics import Metrics
from domain.ports.outbound import Archive, Notifier, Once, Topic
from domain.ports.retention import Retention
from domain.ports.vault import Vault
from domain.projections.views import Views


@dataclass(frozen=True, slots=True)
class Services:
    """The ports, wired once per process.

    Attributes
    ----------
    index: index for late retries; by default in the store of snapshots.
    alone: whether only this process appends to the log.
    now: UTC time in the form that events use, ISO 8601 with microseconds.
    seconds: seconds since the epoch.
    cursors: positions of delivery; by default in this process.
    shards: hands large rooms on, shard by shard; None to deliver them as a whole.
    origins: the Origins that may open a WebSocket; empty if the gateway itself checks them.
    guests: whether a nickname alone opens a session.
    socket_url: address of the WebSocket API; None if it is this host's `/ws`.
    origin: recognises requests of the HTTP API that came through CloudFront; None if there is no
        CloudFront.
    retention: replaces content after `retention_days`; None if content is kept.
    topic, archive: destinations of the log's stream; None if there is none.
    once: marks of sent notices; used with the `notifiers`, which send them.
    gathering: seconds for which the pushes of a busy room are gathered into one; 0 to push at once.
    metrics: counts of faults and retries; by default nothing is counted.
    """

    log: EventLog
    executor: Executor
    views: Views
    progress: Progress
    vault: Vault
    accounts: Accounts
    connections: Connections
    gateway: Gateway
    limiter: Limiter
    background: Background
    now: Callable[[], str]
    seconds: Callable[[], float]
    alone: bool = False
    index: CommandIndex | None = None
    cursors: Cursors = field(default_factory=ProcessCursors)
    shards: Shards | None = None
    origins: frozenset[str] = frozenset()
    guests: bool = True
    socket_url: str | None = None
    origin: Origin | None = None
    retention: Retention | None = None
    retention_days: int = 0
    topic: Topic | None = None
    archive: Archive | None = None
    once: Once | None = None
    notifiers: tuple[Notifier, ...] = ()

    def to_decide(self, log_id: str) -> Aggregate:
        """Returns an aggregate for reads on the executor's thread.

        If only this process appends, it is cached, so that the next read costs nothing; elsewhere a
        cached aggregate may be behind its log.
        """
        return self.log.load(log_id) if self.alone else self.log.at_head(log_id)

    def at_head(self, log_id: str) -> Aggregate:
        """Returns an aggregate at its log's head, on any thread.

        If several processes append, an aggregate in memory may be hours behind.
        """
        return self.log.read(log_id) if self.alone else self.log.at_head(log_id)

    metrics: Metrics = field(default_factory=Uncounted)
    gathering: float = 0.0
