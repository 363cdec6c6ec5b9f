"""What the use cases are given by a composition root."""

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
    index: where late retries are looked up; beside the snapshots where none is given.
    alone: whether this process alone appends to the log.
    now: UTC time as events write it, ISO 8601 with microseconds.
    seconds: seconds since the epoch.
    cursors: how far delivery came; of this process where none are given.
    shards: hands large rooms on, part by part; None to deliver all in one go.
    origins: the Origins that may open a WebSocket; empty where the gateway itself looks at them.
    guests: whether a nickname alone lets somebody in.
    socket_url: address of the WebSocket API; None where it is this host's `/ws`.
    origin: tells requests of the HTTP API that came by CloudFront; None where they come from
        people themselves.
    retention: replaces old content; None where content is kept. With the `retention_days` that
        content is kept.
    topic, archive: where the log's stream goes; None where there is none.
    once: what was sent for good; with the `notifiers`, the ways that it goes.
    gathering: seconds for which the pushes of a busy room are gathered into one; 0 to push at once.
    metrics: counts of faults and retries; not counted where none are given.
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
        """Returns an aggregate for what is asked on the executor's thread.

        Where this process alone appends it is kept, so that asking again costs nothing; elsewhere
        what is kept may be behind its log.
        """
        return self.log.load(log_id) if self.alone else self.log.at_head(log_id)

    def at_head(self, log_id: str) -> Aggregate:
        """Returns an aggregate at its log's head, on any thread.

        Where several processes append, one that is in memory may be hours behind.
        """
        return self.log.read(log_id) if self.alone else self.log.at_head(log_id)

    metrics: Metrics = field(default_factory=Uncounted)
    gathering: float = 0.0
