"""Executing commands, and finding the versions that answered them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from domain.aggregate import Command
from domain.errors import ParleyError

Outcome = int | ParleyError
"""The version that answers a command, or its error."""

Reply = Callable[[Sequence[Outcome]], None]


class Executor(Protocol):
    """Decides commands and appends their events; each runtime has its own implementation."""

    def execute(self, log_id: str, commands: Sequence[Command], reply: Reply) -> None:
        """Decides `commands` in turn and appends their events, all or nothing.

        `reply` is called once with an outcome per command, after the events are durable. On
        Lambda that is before `execute` returns; the local engine calls it later.
        """
        ...


class CommandIndex(Protocol):
    """Fingerprints of a log's commands, by segments (domain/retrying.py). They may be deleted at
    any time."""

    def entries(self, log_id: str, low: int, high: int) -> dict[int, bytes]:
        """Returns the existing entries of the segments `low < number <= high`."""
        ...

    def keep(self, log_id: str, entries: Mapping[int, bytes]) -> None:
        """Stores entries; existing ones stay."""
        ...
