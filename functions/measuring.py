"""Metrics of a deployed stack, as CloudWatch's embedded metric format: a line of JSON each."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from domain.metrics import PARKED
from domain.ports import Gateway, Metrics, Parked, Progress

Emit = Callable[[Mapping[str, float]], None]


def emitter(namespace: str, function: str = "") -> Emit:
    """Returns what prints counts, which CloudWatch makes metrics of.

    Parameters
    ----------
    function: the function's name. With it each count is told twice, in all and with the dimension
        `Function`; else in all alone.
    """
    named = {"Function": function} if function else {}
    dimensions = [[], ["Function"]] if function else [[]]

    def emit(counts: Mapping[str, float]) -> None:
        metrics = [{"Name": name, "Unit": "Count"} for name in counts]
        directive = {"Namespace": namespace, "Dimensions": dimensions, "Metrics": metrics}
        line = {
            "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]},
            **named,
            **counts,
        }
        print(orjson.dumps(line).decode(), flush=True)  # noqa: T201 the format is lines

    return emit


class Tally:
    """Implements the Metrics port: one line an invocation, where there is anything to tell.

    A metric is billed for the hours in which it was told: faults are told, their absence is not.
    """

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._counts: Counter[str] = Counter()

    def add(self, name: str, count: int = 1) -> None:
        self._counts[name] += count

    def flush(self) -> None:
        if self._counts:
            counts, self._counts = self._counts, Counter()
            self._emit(counts)


EVERY = 60.0
"""Seconds between a process's lines of posts: one a push would cost more than some of the calls
that it counts. What a process has not told when it ends is lost, which a rate does not mind."""


class MeasuredGateway:
    """Counts pushes and those that met a closed connection.

    Parameters
    ----------
    clock: returns seconds.
    """

    def __init__(
        self, gateway: Gateway, emit: Emit, clock: Callable[[], float] = time.time
    ) -> None:
        self._gateway = gateway
        self._emit = emit
        self._clock = clock
        self._told = clock()
        self._posts = self._gone = 0

    def post(self, connection_ids: Sequence[str], frame: bytes) -> list[str]:
        gone = self._gateway.post(connection_ids, frame)
        self._posts += len(connection_ids)
        self._gone += len(gone)
        now = self._clock()
        if now - self._told >= EVERY:
            self._emit({"Posts": self._posts, "Gone": self._gone})
            self._told, self._posts, self._gone = now, 0, 0
        return gone

    def close(self, connection_id: str, code: int) -> None:
        self._gateway.close(connection_id, code)


class MeasuredProgress:
    """Counts parked events."""

    def __init__(self, progress: Progress, metrics: Metrics) -> None:
        self._progress = progress
        self._metrics = metrics

    def park(self, parked: Parked) -> None:
        self._progress.park(parked)
        self._metrics.add(PARKED)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._progress, name)
