"""Nothing that strangers send holds the loop, grows memory or disturbs those who talk."""

import os
from pathlib import Path

import pytest

from tests.fuzz.running import Report, held_ms, run

SECONDS = float(os.environ.get("FUZZ_SECONDS") or 120)

SEED = 20261121
"""By default the same frames each time; `FUZZ_SEED` or `python -m tests.fuzz` give others."""

MAX_TICK_MS = 250.0
"""Longest that the loop may be kept from its next turn."""

MAX_P99_MS = 50.0
"""From sending to the ack, of people in a room of their own."""

BUSY = 4.0
"""Where a machine is so busy that calm people wait long too: times their p99."""

GROWTH_MB = 24.0
"""Resident memory that may be added after the warm-up. The fuzzer's rooms, people and nicknames
are of a fixed number, but their logs grow: the allocator's own margin is the most of it."""


def check(report: Report) -> None:
    """Asserts what holds for any run, however busy the machine is."""
    assert report.faults == []
    assert report.logged == []
    assert report.problems == []


def test_fuzzed_briefly(tmp_path: Path) -> None:
    report = run(tmp_path, 4.0, seed=SEED, calm=2.0, settle=1.0)
    print(report.text())
    check(report)
    assert report.posts > 0
    assert report.answers["synced"] > 0


@pytest.mark.long
@pytest.mark.timeout(SECONDS + 300)
def test_fuzzed(tmp_path: Path) -> None:
    given = os.environ.get("FUZZ_SEED")
    report = run(tmp_path, SECONDS, seed=int(given) if given else SEED)
    print(report.text())
    check(report)
    worst = report.ticks[0]
    assert held_ms(worst) < MAX_TICK_MS, (report.seed, worst)
    limit = max(MAX_P99_MS, BUSY * report.calm_p99_ms)
    assert report.fuzzed_p99_ms < limit, (report.seed, report.text())
    warmed, ended = report.rss_mb
    assert ended - warmed < GROWTH_MB, (report.seed, report.rss_mb)
