"""The ten shared logs of #ubuntu, read whole: what is left out is counted and explained."""

import os
import time
from collections import Counter
from pathlib import Path

import pytest

from research.irc import Said, complete, read_log

ARCHIVE = Path(
    os.environ.get("PARLEY_IRC_LOGS", Path(__file__).parents[3] / "shared/data/ubuntu-irc")
)
LOGS = sorted(ARCHIVE.glob("*.log.txt"))


@pytest.mark.skipif(
    not LOGS, reason=f"no shared IRC logs in {ARCHIVE}; set PARLEY_IRC_LOGS to a copy"
)
def test_the_ten_logs_are_understood() -> None:
    begin = time.perf_counter()
    logs = [read_log(path) for path in LOGS]
    seconds = time.perf_counter() - begin
    counts: Counter[str] = Counter()
    for log in logs:
        counts["ignored"] += log.ignored
        for told in log.happenings:
            counts[told.kind if isinstance(told, Said) else type(told).__name__] += 1
            counts["replies"] += isinstance(told, Said) and told.reply_to is not None
        assert {told.line for told in complete(log)} <= set(range(log.lines))
    bad = [one for log in logs for one in log.not_understood]
    print(f"{len(logs)} logs in {seconds:.3f} s: {dict(counts)}")
    for one in bad:
        print(f"{one.file}:{one.line}: {one.reason}: {one.text!r}")
    assert counts == {
        "text": 11_612,
        "action": 67,
        "Joined": 496,
        "Left": 48,
        "Renamed": 268,
        "ignored": 4,  # one topic, three changes of modes
        "replies": 2_038,
    }
    # Three messages and two actions of nothing at all: nothing to post.
    assert [one.reason for one in bad] == ["the text is empty"] * 5
    # Half a second is the budget; a test machine may be busy.
    assert seconds < 2
