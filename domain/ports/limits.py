"""What is refused before any use case: too many requests, and requests past the web address."""

from typing import Protocol


class Limiter(Protocol):
    """Allowances, each refilled over time. A key is a person for commands, `reads:PERSON` for what
    they read, `from:ADDRESS` for entries."""

    def allow(self, user: str, cost: int = 1) -> bool:
        """Takes `cost` off an allowance; False, and nothing is taken, where less is left.

        A cost above what the allowance can ever hold takes all of a full one.
        """
        ...


class Origin(Protocol):
    def admits(self, shown: str) -> bool:
        """Returns whether what a request shows proves that it came by the web app's address."""
        ...
