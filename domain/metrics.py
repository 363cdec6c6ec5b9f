"""Names of the counts, and a counter for runtimes without metrics."""

INTERNAL = "Internal"
"""Requests and frames that were answered `internal`."""

RETRIED = "Retried"
"""Records that a consumer returned."""

PARKED = "Parked"
"""Events that a consumer parked."""


class Uncounted:
    """Implements the Metrics port without counting."""

    def add(self, name: str, count: int = 1) -> None:
        """Keeps nothing."""

    def flush(self) -> None:
        """Prints nothing."""
