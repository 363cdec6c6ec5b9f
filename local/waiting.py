"""Commands that wait for the executor, their order, and what one transaction holds."""

from collections.abc import Sequence
from dataclasses import dataclass

from eventsourcing.persistence import StoredEvent

from domain.aggregate import Command
from domain.correlation import fit
from domain.ports.commands import Outcome, Reply


@dataclass(slots=True)
class Waiting:
    """Commands of one log that wait to be decided together, and who is answered."""

    log_id: str
    commands: Sequence[Command]
    reply: Reply
    attempts: int = 0


def command_of(waiting: Waiting | None) -> str | None:
    """Returns the id that logs have of what waits: that of its first command."""
    return fit(waiting.commands[0].id) if waiting is not None and waiting.commands else None


def behind(rest: list[Waiting], others: list[Waiting]) -> list[Waiting]:
    """Returns what waits next: the rest of the log that used up the turn comes behind all other
    logs, so that one expensive room does not hold up the rest. Each log keeps its own order."""
    if not rest or not others:
        return rest + others
    log_id = rest[0].log_id
    first = [waiting for waiting in others if waiting.log_id != log_id]
    return first + rest + [waiting for waiting in others if waiting.log_id == log_id]


@dataclass(slots=True)
class Group:
    """What one transaction holds."""

    answered: list[tuple[Waiting, list[Outcome]]]
    logs: list[str]
    stored: list[StoredEvent]
    snapshots: list[StoredEvent]
