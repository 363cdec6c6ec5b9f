"""From counted calls and measured milliseconds to dollars."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.apigateway.client import CONNECTIONS
from tools.cost.counting import Tally
from tools.cost.measuring import measured
from tools.cost.prices import PRICES
from tools.cost.template import memory

FULL_CORE = 1_769
"""MB at which a function has one core; below that, its share is proportional (AWS Lambda's
guide)."""

WAITS = {
    "PutItem": 5.0,
    "UpdateItem": 5.0,
    "TransactWriteItems": 12.0,
    "DeleteItem": 5.0,
    "BatchWriteItem": 8.0,
    "GetItem": 3.0,
    "BatchGetItem": 5.0,
    "Query": 5.0,
    "PublishBatch": 15.0,
    "SendMessage": 10.0,
    "SendMessageBatch": 15.0,
    "PutRecordBatch": 30.0,
    "PostToConnection": 10.0,
}
"""Milliseconds that a function waits for a call's answer: assumptions, not measurements."""

AT_ONCE = {"PostToConnection": CONNECTIONS}
"""Calls that are sent in parallel."""

BESIDE = {"socket_message": ("PublishBatch", "PostToConnection")}
"""Calls of a function that wait for their answers in parallel (domain/executing.py): the event is
published while the acknowledgement is posted."""

LEFT_OUT = ("out", "trace")
"""Counted, and shown in separate tables."""

SENDS = "sent"
"""SNS's sends into SQS. AWS charges nothing for delivery to SQS; sources disagree on whether SQS
bills the queue's owner for a send. Counted as billed, and shown."""


@dataclass
class Bill:
    """The bill of a number of messages.

    Attributes
    ----------
    units: counted, per message.
    functions: milliseconds and GB-seconds of each function, per message.
    """

    units: dict[str, float]
    functions: dict[str, tuple[float, float]] = field(default_factory=dict)

    def dollars(self, *names: str) -> float:
        """Returns dollars per million messages, for the given units or for all except LEFT_OUT."""
        return sum(
            PRICES[name].of(1e6 * amount)
            for name, amount in self.units.items()
            if (name in names if names else name not in LEFT_OUT)
        )

    def share(self, members: int, *, sends: bool = True) -> float:
        """Returns these dollars divided by the bound's; without `sends`, SNS's sends are free."""
        return (self.dollars() - (0 if sends else self.dollars(SENDS))) / bound(members)

    def services(self) -> dict[str, float]:
        """Returns dollars per million messages by service."""
        found: dict[str, float] = {}
        for name in self.units:
            if name not in LEFT_OUT:
                service = PRICES[name].service
                found[service] = found.get(service, 0.0) + self.dollars(name)
        return found


def cpu_of(function: str, members: int, case: str) -> float:
    """Returns the last measured milliseconds of processor time of an invocation.

    A function that was not measured separately (for example archive_events) counts like
    relay_events, which is similar.
    """
    cases = measured()["cpu_ms"][str(members)]
    known = cases["backlog" if case == "backlog" else "alone"]
    if case == "relayed" and function in cases["relayed"]:
        return float(cases["relayed"][function])
    return float(known.get(function, known["relay_events"]))


def duration(function: str, cpu: float, operations: Mapping[str, float]) -> float:
    """Returns the billed milliseconds of one invocation."""
    share = min(1.0, memory(function) / FULL_CORE)
    waits = {
        operation: math.ceil(times / AT_ONCE.get(operation, 1)) * WAITS.get(operation, 0.0)
        for operation, times in operations.items()
    }
    beside = [waits.pop(operation, 0.0) for operation in BESIDE.get(function, ())]
    return math.ceil(cpu / share + sum(waits.values()) + max(beside, default=0.0))


def bill(tally: Tally, members: int, case: str) -> Bill:
    """Returns the counts as a bill.

    Parameters
    ----------
    case: `alone`, `relayed` or `backlog`, whose milliseconds are used.
    """
    units = {**tally.units(), "gb_second": 0.0}
    functions = {}
    for function in tally.functions():
        times = tally.times(function)
        calls = times["Invoke"]
        each = {operation: n / calls for operation, n in times.items()}
        took = duration(function, cpu_of(function, members, case), each) * calls
        gb_seconds = took / 1000 * memory(function) / 1024
        functions[function] = (took, gb_seconds)
        units["gb_second"] += gb_seconds
    return Bill(units, functions)


def steady(cases: Mapping[str, Tally]) -> Tally:
    """Returns a message in a stack with ten or more messages a second, each in another room.

    The stream's readers then have at least ten events per call, as counted for the backlog: the
    relay gathers for a second, the archive for a minute. Views and delivery handle it alone.
    """
    readers = ("relay_events", "archive_events")
    own = [row for row in cases["alone"].rows if row.function not in readers]
    return Tally((*own, *(row for row in cases["backlog"].rows if row.function in readers)))


def bound(members: int) -> float:
    """Returns the lower bound, in dollars per million messages, with a frame per message and
    member: one in, one to each member, one acknowledgement."""
    return PRICES["frame"].of(1e6 * (members + 2))
