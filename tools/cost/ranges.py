"""What a message's cost may be, over what is assumed; and what gathering saves in a busy room."""

from dataclasses import dataclass

from tools.cost.billing import SENDS, Bill, bound
from tools.cost.template import memory

PUSHES = 0.41
"""Pushes a message at ten messages a second in one room, as tests/unit/test_gathering.py counts
them: 41 for 100 messages."""

WAIT = 0.25
"""Seconds that a gathered push waits at the most (functions/aws.py)."""

MOVES = 3
"""Writes of the cursor for a gathered push: one that finds the cursor past the record, one that
moves it to the newest record, and one on to the log's head."""


@dataclass(frozen=True)
class Range:
    """Dollars a million messages.

    Attributes
    ----------
    low: ten messages a second in the stack, SNS's sends to SQS free, functions half as long.
    high: one message alone in the stack, the sends billed, functions twice as long.
    """

    members: int
    low: float
    high: float

    def over(self) -> tuple[float, float]:
        """Returns both over the bound."""
        return self.low / bound(self.members), self.high / bound(self.members)


def between(members: int, alone: Bill, steady: Bill) -> Range:
    low = steady.dollars() - steady.dollars(SENDS) - steady.dollars("gb_second") / 2
    return Range(members, low, alone.dollars() + alone.dollars("gb_second"))


def moves(alone: Bill, steady: Bill) -> list[tuple[str, float]]:
    """Returns what each assumption moves, in dollars a million messages."""
    return [
        ("SQS bills what SNS sends into it, or not", steady.dollars(SENDS)),
        ("other messages share the stream's readers, or not", alone.dollars() - steady.dollars()),
        ("functions take twice the time reckoned", alone.dollars("gb_second")),
        ("functions take half the time reckoned", -steady.dollars("gb_second") / 2),
    ]


def gathered(members: int, steady: Bill) -> Bill:
    """Returns a message of a room that has ten a second, as a bill."""
    units = dict(steady.units)
    took, gb_seconds = steady.functions["deliver"]
    waits = PUSHES * WAIT * memory("deliver") / 1024
    units["frame"] -= members * (1 - PUSHES)
    units["invocation"] -= 1 - PUSHES
    units["gb_second"] += waits - gb_seconds * (1 - PUSHES)
    units["wru"] += MOVES * PUSHES - 1
    # The connections and the log, each once a push.
    units["rru"] += 2 * PUSHES - 1
    functions = {**steady.functions, "deliver": (took * PUSHES, gb_seconds * PUSHES + waits)}
    return Bill(units, functions)
