"""The design that most tutorials show: one table of connections, scanned for each message."""

import math
from dataclasses import dataclass

from tools.cost.billing import AT_ONCE, FULL_CORE, WAITS, bound, cpu_of
from tools.cost.metering import KB
from tools.cost.prices import PRICES
from tools.cost.template import memory

ROW = 100
"""Bytes of a connection's row in that design: an id, a person, a room."""

PAGE = 1024 * KB
PAGE_WAIT = 50.0
"""Milliseconds for a page of a Scan: an assumption."""


@dataclass(frozen=True, slots=True)
class Classic:
    """A message's cost with `connections` open in total.

    Attributes
    ----------
    rru: of the Scan, eventually consistent.
    dollars: a million messages.
    """

    rru: float
    dollars: float


def classic(members: int, connections: int) -> Classic:
    """One Lambda takes the frame, puts the message, scans, filters and posts. There is no queue, no
    ack except the push, no order, no retry, no view: a bill for comparison, not the same
    service."""
    size = connections * ROW
    pages = max(1, math.ceil(size / PAGE))
    rru = sum(math.ceil(min(PAGE, size - n * PAGE) / (4 * KB)) for n in range(pages)) / 2
    cpu = cpu_of("deliver", members, "alone") + cpu_of("socket_message", members, "relayed")
    # Rows are decoded to be filtered: 4 microseconds each.
    cpu += connections * 0.004
    share = memory("deliver") / FULL_CORE
    posts = math.ceil(members / AT_ONCE["PostToConnection"]) * WAITS["PostToConnection"]
    took = cpu / share + WAITS["PutItem"] + pages * PAGE_WAIT + posts
    dollars = (
        bound(members)
        + PRICES["wru"].of(1e6)
        + PRICES["rru"].of(1e6 * rru)
        + PRICES["invocation"].of(1e6)
        + PRICES["gb_second"].of(1e6 * took / 1000 * memory("deliver") / 1024)
    )
    return Classic(rru, dollars)
