"""What is counted, and the counter of a runtime where nobody asks."""

INTERNAL = "Internal"
"""Requests and frames that were answered `internal`."""

RETRIED = "Retried"
"""Records that a consumer handed back."""

PARKED = "Parked"
"""Events that a consumer went past."""


class Uncounted:
    """Implements the Metrics port without counting."""

    def add(self, name: str, count: int = 1) -> None:
        """Nothing is kept."""

    def flush(self) -> None:
        """Nothing is told."""
