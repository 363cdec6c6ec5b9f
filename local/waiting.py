"""Commands that wait for the executor, their order, and the contents of one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from eventsourcing.persistence import StoredEvent

from domain.aggregate import Command
from domain.correlation import fit
from domain.ports.commands import Outcome, Reply


@dataclass(slots=True)
class Waiting:
    """Commands of one log that wait to be decided together, and their replies."""

    log_id: str
    commands: Sequence[Command]
    reply: Reply
    attempts: int = 0


def command_of(waiting: Waiting | None) -> str | None:
    """Returns the correlation id of waiting commands: the id of the first one."""
    return fit(waiting.commands[0].id) if waiting is not None and waiting.commands else None


def behind(rest: list[Waiting], others: list[Waiting]) -> list[Waiting]:
    """Returns the waiting commands for the next turn: the rest of the log that used up the turn
    goes behind all other logs, so that one expensive room does not delay the others. Each log keeps
    its own order."""
    if not rest or not others:
        return rest + others
    log_id = rest[0].log_id
    first = [waiting for waiting in others if waiting.log_id != log_id]
    return first + rest + [waiting for waiting in others if waiting.log_id == log_id]


@dataclass(slots=True)
class Group:
    """The contents of one transaction."""

    answered: list[tuple[Waiting, list[Outcome]]]
    logs: list[str]
    stored: list[StoredEvent]
    snapshots: list[StoredEvent]
