"""Dollars per month for people who behave as in a stated model."""

from dataclasses import dataclass

from tools.cost.billing import Bill, bill
from tools.cost.counting import Tally
from tools.cost.prices import PRICES
from tools.cost.template import alarm_metrics, count, of_type

SECONDS = 30 * 86_400

DAYS = 20
"""Days of a month on which a person is connected."""

HOURS = 4.0
"""Hours connected on such a day, in VISITS connections."""

VISITS = 2
MESSAGES = 15
"""Messages that a person writes on such a day."""

ROOMS = {2: 0.3, 10: 0.6, 50: 0.1}
"""Shares of the messages by the number of people connected in the room."""

READS = 20
"""Read marks on such a day: at most one in 5 s per room."""

TYPING = 1.0
"""Typing pushes per message; the room of 10 represents all."""

PING_SEEN, PING_HIDDEN = 120.0, 300.0
"""Seconds between pings of a visible tab, and of a hidden one (frontend)."""

SEEN = 0.5
"""Share of the connected time in which the tab is visible."""

POLLERS, LONG_POLL = 5, 20.0
"""Lambda's pollers of an idle queue, and the seconds of each empty receive."""

SNS_KEYS = 4
"""Functions that publish: each requests a data key of the topic twice in five minutes."""

METRICS_A_ROUTE = 6
OWN_METRICS = 6
"""Maximum of custom metrics that are emitted (functions/metrics.py)."""

STORED = 2_000
"""Bytes per message in the tables: event, message row, index and overhead of each item."""


@dataclass(frozen=True, slots=True)
class Month:
    """Dollars by line."""

    messages: int
    lines: dict[str, float]

    @property
    def total(self) -> float:
        return sum(self.lines.values())


def month(people: int, counts: dict[str, dict[str, Tally]], *, traces: bool) -> Month:
    """Returns the cost of `people` active people per month, with each message delivered alone (the
    most expensive case)."""
    days = people * DAYS
    messages = days * MESSAGES
    by_room = {size: bill(counts[str(size)]["alone"], size, "alone") for size in ROOMS}
    rest = {name: _other(counts, name) for name in ("ping", "typing", "read", "connection")}
    pings = days * HOURS * 3600 * (SEEN / PING_SEEN + (1 - SEEN) / PING_HIDDEN)
    spent = {
        "messages": sum(
            messages * share * by_room[size].dollars() / 1e6 for size, share in ROOMS.items()
        ),
        "typing": messages * TYPING * rest["typing"].dollars() / 1e6,
        "read marks": days * READS * rest["read"].dollars() / 1e6,
        "pings": pings * rest["ping"].dollars() / 1e6,
        "connecting and disconnecting": days * VISITS * rest["connection"].dollars() / 1e6,
        "connection minutes": PRICES["connected"].of(days * HOURS * 60),
        "transfer out": PRICES["out"].of(
            sum(messages * share * by_room[size].units["out"] for size, share in ROOMS.items())
        ),
        "a year's messages stored, with recovery": (
            PRICES["stored"].of(12 * messages * STORED)
            + PRICES["recovery"].of(12 * messages * STORED)
        ),
        "traces (X-Ray)": _traces(messages, pings, days) if traces else 0.0,
    }
    return Month(messages, {**spent, **fixed()})


def _other(counts: dict[str, dict[str, Tally]], name: str) -> Bill:
    return bill(counts["others 10"][name], 10, "relayed")


def _traces(messages: float, pings: float, days: float) -> float:
    """Each function traces the first call of a second and one in twenty beyond."""
    frames = messages * (1 + TYPING) + pings + days * (READS + VISITS)
    events = messages + days * READS
    calls = [frames, events, events, events, events, *[days * VISITS] * 4]
    recorded = sum(min(one, SECONDS + 0.05 * one) for one in calls)
    return PRICES["trace"].of(recorded)


def fixed() -> dict[str, float]:
    """Returns the costs that are due even if nobody writes."""
    queues = of_type("AWS::SQS::Queue").values()
    sources = sum(
        "Queue" in str(source.get("EventSourceArn"))
        for source in of_type("AWS::Lambda::EventSourceMapping").values()
    )
    assert queues
    receives = POLLERS * SECONDS / LONG_POLL
    standard = 2  # notify and presence
    polls = PRICES["sqs_fifo"].of(receives * (sources - standard))
    polls += PRICES["sqs"].of(receives * standard)
    routes = count("AWS::ApiGatewayV2::Route") + 3
    return {
        "alarms": PRICES["alarm"].of(alarm_metrics()),
        "dashboard": PRICES["dashboard"].of(count("AWS::CloudWatch::Dashboard")),
        "custom metrics": PRICES["metric"].of(OWN_METRICS),
        "detailed metrics of routes, at most": PRICES["metric"].of(routes * METRICS_A_ROUTE),
        "polls of idle queues": polls,
        "KMS key": PRICES["kms_key"].of(count("AWS::KMS::Key")),
        "KMS calls of the topic": PRICES["kms"].of(SECONDS / 300 * 2 * SNS_KEYS),
        "secrets": PRICES["secret"].of(count("AWS::SecretsManager::Secret")),
    }
