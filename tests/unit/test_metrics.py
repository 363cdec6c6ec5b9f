"""What the functions tell CloudWatch."""

import orjson
import pytest

from adapters.memory.gateway import RecordingGateway
from adapters.memory.progress import MemoryProgress
from domain.ports.consumers import Parked
from functions.metrics import (
    EVERY,
    InvocationMetrics,
    MeasuredGateway,
    MeasuredProgress,
    PrintCounts,
    printer,
)


class Printed:
    def __init__(self) -> None:
        self.counts: list[dict[str, int]] = []
        self.now = 1_000.0

    @property
    def print(self) -> PrintCounts:
        return lambda counts: self.counts.append(dict(counts))


def test_posts_are_printed_once_a_minute_with_those_that_were_gone() -> None:
    printed, inner = Printed(), RecordingGateway()
    inner.gone = {"c"}
    gateway = MeasuredGateway(inner, printed.print, lambda: printed.now)
    assert gateway.post(["a", "b", "c"], b"one") == ["c"]
    assert gateway.post(["a"], b"two") == []
    assert printed.counts == []
    printed.now += EVERY
    gateway.post(["b"], b"three")
    assert printed.counts == [{"Posts": 5, "Gone": 1}]
    printed.now += EVERY
    gateway.post(["b"], b"four")
    assert printed.counts[1:] == [{"Posts": 1, "Gone": 0}]
    gateway.close("a", 4401)
    assert inner.closed == [("a", 4401)]


def test_what_an_invocation_counts_is_printed_once_at_its_end() -> None:
    printed = Printed()
    tally = InvocationMetrics(printed.print)
    tally.flush()
    assert printed.counts == [], "where nothing went wrong there is no line"
    progress = MeasuredProgress(MemoryProgress(), tally)
    for version in (3, 4):
        progress.park(Parked("project_views", "lobby", version, "TopicError", "2026-01-02"))
    tally.add("Retried", 2)
    assert printed.counts == []
    tally.flush()
    tally.flush()
    assert printed.counts == [{"Parked": 2, "Retried": 2}]
    assert [one.version for one in progress.parked()] == [3, 4]


def test_faults_are_printed_in_all_and_by_function(capsys: pytest.CaptureFixture[str]) -> None:
    printer("Parley/dev", "parley-dev-DeliverFunction-1A2B")({"Retried": 3})
    line = orjson.loads(capsys.readouterr().out)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [[], ["Function"]]
    assert (line["Function"], line["Retried"]) == ("parley-dev-DeliverFunction-1A2B", [3.0])


def test_the_line_is_of_the_embedded_metric_format(capsys: pytest.CaptureFixture[str]) -> None:
    printer("Parley/dev")({"Posts": 2, "Gone": 0})
    line = orjson.loads(capsys.readouterr().out)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Parley/dev"
    assert directive["Dimensions"] == [[]]
    assert {one["Name"] for one in directive["Metrics"]} == {"Posts", "Gone"}
    assert (line["Posts"], line["Gone"]) == ([2.0], [0.0])


def test_each_line_has_its_own_counts_and_both_dimensions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    one, other = printer("Parley/dev", "deliver"), printer("Parley/dev")
    one({"Retried": 1})
    other({"Posts": 2})
    one({"Parked": 3})
    lines = [orjson.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = [
        (list(line.keys() - {"_aws"}), line["_aws"]["CloudWatchMetrics"][0]["Dimensions"])
        for line in lines
    ]
    assert [(sorted(names), dimensions) for names, dimensions in found] == [
        (["Function", "Retried"], [[], ["Function"]]),
        (["Posts"], [[]]),
        (["Function", "Parked"], [[], ["Function"]]),
    ]
