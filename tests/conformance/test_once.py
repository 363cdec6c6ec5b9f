"""The Once port."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.dynamodb.once import DynamoOnce
from adapters.dynamodb.table import Table
from adapters.memory.once import MemoryOnce
from domain.ports.outbound import Once
from tests.support.dynamodb import ENGINES, engine_of


@pytest.fixture(params=["memory", *ENGINES])
def once(request: pytest.FixtureRequest) -> Once:
    if request.param == "memory":
        return MemoryOnce()
    client, tables = engine_of(request, request.param)
    return DynamoOnce(Table(client, tables["progress"]))


def test_what_was_claimed_is_not_claimed_again(once: Once) -> None:
    assert once.claim("lobby", 4, "mail u_ann")
    assert not once.claim("lobby", 4, "mail u_ann")


@pytest.mark.parametrize("other", [
    ("lobby", 5, "mail u_ann"), ("den", 4, "mail u_ann"), ("lobby", 4, "mail u_bob"),
    ("lobby", 4, "topic u_ann"), ("lobby", 44, "mail u_ann"),
])  # fmt: skip
def test_marks_are_apart(once: Once, other: tuple[str, int, str]) -> None:
    assert once.claim("lobby", 4, "mail u_ann")
    assert once.claim(*other)


def test_what_was_released_may_be_claimed(once: Once) -> None:
    once.release("lobby", 4, "mail u_ann")
    once.claim("lobby", 4, "mail u_ann")
    once.release("lobby", 4, "mail u_ann")
    assert once.claim("lobby", 4, "mail u_ann")
    assert not once.claim("lobby", 4, "mail u_ann")


def test_of_several_at_once_one_claims(once: Once) -> None:
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: once.claim("lobby", 4, "mail u_ann"), range(8)))
    assert claims.count(True) == 1
