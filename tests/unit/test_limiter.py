"""The token bucket, on a clock of its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.memory import limiter
from adapters.memory.limiter import TokenBuckets


class Time:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def taken(buckets: TokenBuckets, tries: int, user: str = "u_ann") -> int:
    return sum(buckets.allow(user) for _ in range(tries))


def test_a_burst_then_the_rate() -> None:
    time = Time()
    buckets = TokenBuckets(300, burst=100, clock=time)
    assert taken(buckets, 150) == 100
    time.now += 1
    assert taken(buckets, 150) == 5
    time.now += 0.1
    assert taken(buckets, 150) == 0
    time.now += 0.1
    assert taken(buckets, 150) == 1


def test_a_pause_gives_no_more_than_a_burst() -> None:
    time = Time()
    buckets = TokenBuckets(300, burst=100, clock=time)
    taken(buckets, 100)
    time.now += 3_600
    assert taken(buckets, 150) == 100


def test_people_do_not_share() -> None:
    buckets = TokenBuckets(300, burst=2, clock=Time())
    assert taken(buckets, 5) == 2
    assert taken(buckets, 5, "u_bob") == 2


def test_no_rate_lets_everything_through() -> None:
    assert taken(TokenBuckets(0, burst=1, clock=Time()), 1_000) == 1_000


def test_a_clock_that_stands_still_gives_nothing() -> None:
    buckets = TokenBuckets(300, burst=1, clock=Time())
    assert taken(buckets, 10) == 1


def test_who_was_idle_longest_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiter, "PEOPLE", 2)
    buckets = TokenBuckets(300, burst=1, clock=Time())
    assert [buckets.allow(user) for user in ("a", "b", "a", "c", "a", "b")] == [
        True, True, False, True, False, True,
    ]  # fmt: skip


@given(st.lists(st.floats(0, 10), max_size=200))
def test_nobody_gets_more_than_burst_and_rate_allow(pauses: list[float]) -> None:
    time = Time()
    buckets = TokenBuckets(300, burst=100, clock=time)
    allowed = 0
    for pause in pauses:
        time.now += pause
        allowed += taken(buckets, 7)
    assert allowed <= 100 + sum(pauses) * 5 + 1e-6
