"""What the functions tell CloudWatch."""

import orjson
import pytest

from adapters.memory.gateway import RecordingGateway
from adapters.memory.progress import MemoryProgress
from domain.ports import Parked
from functions.measuring import EVERY, Emit, MeasuredGateway, MeasuredProgress, Tally, emitter


class Told:
    def __init__(self) -> None:
        self.counts: list[dict[str, float]] = []
        self.now = 1_000.0

    @property
    def emit(self) -> Emit:
        return lambda counts: self.counts.append(dict(counts))


def test_posts_are_told_once_a_minute_with_those_that_were_gone() -> None:
    told, inner = Told(), RecordingGateway()
    inner.gone = {"c"}
    gateway = MeasuredGateway(inner, told.emit, lambda: told.now)
    assert gateway.post(["a", "b", "c"], b"one") == ["c"]
    assert gateway.post(["a"], b"two") == []
    assert told.counts == []
    told.now += EVERY
    gateway.post(["b"], b"three")
    assert told.counts == [{"Posts": 5, "Gone": 1}]
    told.now += EVERY
    gateway.post(["b"], b"four")
    assert told.counts[1:] == [{"Posts": 1, "Gone": 0}]
    gateway.close("a", 4401)
    assert inner.closed == [("a", 4401)]


def test_what_an_invocation_counts_is_told_once_at_its_end() -> None:
    told = Told()
    tally = Tally(told.emit)
    tally.flush()
    assert told.counts == [], "where nothing went wrong there is no line"
    progress = MeasuredProgress(MemoryProgress(), tally)
    for version in (3, 4):
        progress.park(Parked("project_views", "lobby", version, "TopicError", "2026-01-02"))
    tally.add("Retried", 2)
    assert told.counts == []
    tally.flush()
    tally.flush()
    assert told.counts == [{"Parked": 2, "Retried": 2}]
    assert [one.version for one in progress.parked()] == [3, 4]


def test_faults_are_told_in_all_and_by_function(capsys: pytest.CaptureFixture[str]) -> None:
    emitter("Parley/dev", "parley-dev-DeliverFunction-1A2B")({"Retried": 3})
    line = orjson.loads(capsys.readouterr().out)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [[], ["Function"]]
    assert (line["Function"], line["Retried"]) == ("parley-dev-DeliverFunction-1A2B", 3)


def test_the_line_is_of_the_embedded_metric_format(capsys: pytest.CaptureFixture[str]) -> None:
    emitter("Parley/dev")({"Posts": 2, "Gone": 0})
    line = orjson.loads(capsys.readouterr().out)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Parley/dev"
    assert directive["Dimensions"] == [[]]
    assert {one["Name"] for one in directive["Metrics"]} == {"Posts", "Gone"}
    assert (line["Posts"], line["Gone"]) == (2, 0)
