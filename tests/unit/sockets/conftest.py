"""A gateway for each test."""

import pytest

from tests.unit.sockets.tabs import Bench


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)
