"""The range of a message's cost over the assumptions, and the saving by gathering in a busy
room."""

from dataclasses import dataclass

from tools.cost.billing import SENDS, Bill, bound
from tools.cost.template import memory

PUSHES = 0.41
"""Pushes per message at ten messages a second in one room, as counted by
tests/unit/test_gathering.py: 41 for 100 messages."""

WAIT = 0.25
"""Maximum of seconds that a gathered push waits (functions/aws.py)."""

MOVES = 3
"""Writes of the cursor for a gathered push: one that finds the cursor past the record, one that
moves it to the newest record, and one on to the log's head."""


@dataclass(frozen=True)
class Range:
    """Dollars per million messages.

    Attributes
    ----------
    low: ten messages a second in the stack, SNS's sends to SQS free, functions half as long.
    high: one message alone in the stack, the sends billed, functions twice as long.
    """

    members: int
    low: float
    high: float

    def over(self) -> tuple[float, float]:
        """Returns both, divided by the bound."""
        return self.low / bound(self.members), self.high / bound(self.members)


def between(members: int, alone: Bill, steady: Bill) -> Range:
    low = steady.dollars() - steady.dollars(SENDS) - steady.dollars("gb_second") / 2
    return Range(members, low, alone.dollars() + alone.dollars("gb_second"))


def moves(alone: Bill, steady: Bill) -> list[tuple[str, float]]:
    """Returns the effect of each assumption, in dollars per million messages."""
    return [
        ("SQS bills sends from SNS, or not", steady.dollars(SENDS)),
        ("other messages share the stream's readers, or not", alone.dollars() - steady.dollars()),
        ("functions take twice the calculated time", alone.dollars("gb_second")),
        ("functions take half the calculated time", -steady.dollars("gb_second") / 2),
    ]


def gathered(members: int, steady: Bill) -> Bill:
    """Returns the bill of a message in a room with ten messages a second."""
    units = dict(steady.units)
    took, gb_seconds = steady.functions["deliver"]
    waits = PUSHES * WAIT * memory("deliver") / 1024
    units["frame"] -= members * (1 - PUSHES)
    units["invocation"] -= 1 - PUSHES
    units["gb_second"] += waits - gb_seconds * (1 - PUSHES)
    units["wru"] += MOVES * PUSHES - 1
    # The connections and the log, each once per push.
    units["rru"] += 2 * PUSHES - 1
    functions = {**steady.functions, "deliver": (took * PUSHES, gb_seconds * PUSHES + waits)}
    return Bill(units, functions)
