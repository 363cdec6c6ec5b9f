"""Checks before any use case: too many requests, and requests that bypass the web address."""

from typing import Protocol


class Limiter(Protocol):
    """Allowances, each refilled over time. A key is a person for commands, `reads:PERSON` for their
    reads, `from:ADDRESS` for entries."""

    def allow(self, user: str, cost: int = 1) -> bool:
        """Charges `cost` to an allowance; if less is left, it returns False and charges nothing.

        A cost above the allowance's maximum takes all of a full one.
        """
        ...


class Origin(Protocol):
    def admits(self, shown: str) -> bool:
        """Returns whether the request's secret proves that it came through the web app's
        address."""
        ...
