"""What the functions tell CloudWatch."""

import orjson
import pytest

from adapters.memory.gateway import RecordingGateway
from adapters.memory.progress import MemoryProgress
from domain.ports import Parked
from functions.measuring import EVERY, Emit, MeasuredGateway, MeasuredProgress, emitter


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


def test_a_parked_event_is_told_at_once() -> None:
    told = Told()
    progress = MeasuredProgress(MemoryProgress(), told.emit)
    progress.park(Parked("project_views", "lobby", 3, "TopicError", "2026-01-02"))
    assert told.counts == [{"Parked": 1}]
    assert [one.version for one in progress.parked()] == [3]


def test_the_line_is_of_the_embedded_metric_format(capsys: pytest.CaptureFixture[str]) -> None:
    emitter("Parley/dev")({"Posts": 2, "Gone": 0})
    line = orjson.loads(capsys.readouterr().out)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Parley/dev"
    assert directive["Dimensions"] == [[]]
    assert {one["Name"] for one in directive["Metrics"]} == {"Posts", "Gone"}
    assert (line["Posts"], line["Gone"]) == (2, 0)
