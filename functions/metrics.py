"""Metrics of a deployed stack: Powertools' Metrics print CloudWatch's embedded metric format."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

# `EphemeralMetrics` is `Metrics` without the state that all instances of that class share.
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from domain.metrics import PARKED
from domain.ports.connections import Gateway
from domain.ports.consumers import Parked, Progress
from domain.ports.metrics import Metrics
from functions import correlation
from functions.observing import logger

PrintCounts = Callable[[Mapping[str, int]], None]


def printer(namespace: str, function: str = "") -> PrintCounts:
    """Returns a printer of counts as one line, from which CloudWatch makes metrics.

    Parameters
    ----------
    function: the function's name. With it, CloudWatch keeps each count twice: for the whole stack
        and with the dimension `Function`. Without it, for the whole stack only.
    """
    metrics = EphemeralMetrics(namespace=namespace)

    def print_counts(counts: Mapping[str, int]) -> None:
        if function:
            metrics.add_dimensions(Function=function)
        for name, count in counts.items():
            metrics.add_metric(name, MetricUnit.Count, count)
        metrics.flush_metrics()

    return print_counts


class InvocationMetrics:
    """Implements the Metrics port: prints one line at the end of an invocation that counted
    anything.

    CloudWatch bills a metric for the hours in which it has values, so faults are counted and zeros
    are not printed.
    """

    def __init__(self, print_counts: PrintCounts) -> None:
        self._print = print_counts
        self._counts: Counter[str] = Counter()

    def add(self, name: str, count: int = 1) -> None:
        self._counts[name] += count

    def flush(self) -> None:
        if self._counts:
            counts, self._counts = self._counts, Counter()
            self._print(counts)


EVERY = 60.0
"""Seconds between a process's lines of posts: one line for each push would cost more than some of
the calls that it counts. A process that ends loses what it has not printed, which hardly changes a
rate."""


class MeasuredGateway:
    """Counts pushes, and pushes to closed connections.

    Parameters
    ----------
    clock: returns seconds.
    """

    def __init__(
        self, gateway: Gateway, print_counts: PrintCounts, clock: Callable[[], float] = time.time
    ) -> None:
        self._gateway = gateway
        self._print = print_counts
        self._clock = clock
        self._printed = clock()
        self._posts = self._gone = 0

    def post(self, connection_ids: Sequence[str], frame: bytes) -> list[str]:
        gone = self._gateway.post(connection_ids, frame)
        self._posts += len(connection_ids)
        self._gone += len(gone)
        now = self._clock()
        if now - self._printed >= EVERY:
            self._print({"Posts": self._posts, "Gone": self._gone})
            self._printed, self._posts, self._gone = now, 0, 0
        return gone

    def close(self, connection_id: str, code: int) -> None:
        self._gateway.close(connection_id, code)


class MeasuredProgress:
    """Counts and logs parked events."""

    def __init__(self, progress: Progress, metrics: Metrics) -> None:
        self._progress = progress
        self._metrics = metrics

    def park(self, parked: Parked) -> None:
        self._progress.park(parked)
        self._metrics.add(PARKED)
        about = {
            "consumer": parked.consumer,
            "stream": parked.stream,
            "version": parked.version,
            "reason": parked.reason,
            "correlation_id": correlation.of_event(parked.stream, parked.version),
        }
        logger.error("event parked", extra=about)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._progress, name)
