"""What the use cases are given by a composition root."""

from collections.abc import Callable
from dataclasses import dataclass

from domain.log import EventLog
from domain.ports import (
    Accounts,
    Background,
    Connections,
    Executor,
    Gateway,
    Limiter,
    Progress,
    Vault,
    Views,
)


@dataclass(frozen=True, slots=True)
class Services:
    """The ports, wired once per process.

    Attributes
    ----------
    now: UTC time as events write it, ISO 8601 with microseconds.
    seconds: seconds since the epoch.
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
