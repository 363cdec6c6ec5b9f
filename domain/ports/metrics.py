"""Counters for operators."""

from typing import Protocol


class Metrics(Protocol):
    """Counts for operators. See domain/metrics.py for their names."""

    def add(self, name: str, count: int = 1) -> None: ...

    def flush(self) -> None:
        """Prints the counts; called at the end of each invocation."""
        ...
