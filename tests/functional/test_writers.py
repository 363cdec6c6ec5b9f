"""Many writers in one room on DynamoDB Local: whoever is accepted stands in the log once."""

from typing import Any

from bench.writers import run


def test_every_accepted_message_is_in_the_log_once(
    dynamo_local: Any, tables_local: dict[str, str]
) -> None:
    figures = run(dynamo_local, tables_local, writers=8, messages=5)
    assert figures.broken == []
    assert len(figures.accepted) + figures.busy == 40
    assert sorted(figures.accepted.values()) == list(range(10, 10 + len(figures.accepted)))
