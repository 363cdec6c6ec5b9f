"""A store of each test's own, and turns that a slow machine does not cut short."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.sqlite.events import SqliteEvents
from local import executor


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteEvents]:
    store = SqliteEvents(tmp_path / "events.sqlite")
    yield store
    store.close()


@pytest.fixture(autouse=True)
def _long_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine shall not divide what a test has decided together."""
    monkeypatch.setattr(executor, "TURN", 60.0)
