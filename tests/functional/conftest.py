"""One server per test process; each test brings its own people and rooms."""

from collections.abc import Iterator

import pytest

from tests.server.harness import Party, Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("shared") / "data") as server:
        yield server


@pytest.fixture
def party(server: Server) -> Iterator[Party]:
    """People whose tabs are closed after the test; the server must have had no fault."""
    party = Party(server)
    before = len(server.faults)
    try:
        yield party
    finally:
        party.close()
    assert server.faults[before:] == []
