"""One stack for all tests of this folder: built by SAM, deployed by SAM, run by MiniStack."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import chromium
from tests.server.harness import Party
from tests.stack.harness import StackServer
from tools.stack.building import ensure_built, python313
from tools.stack.emulator import HOME, StackError
from tools.stack.running import Stack, running

# One for all modules: Playwright runs once in a thread.
__all__ = ["chromium"]

HERE = Path(__file__).parent
TIMEOUT = 600
"""Seconds of a test; the first one's contain the build and the deployment."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All that use the stack go to one worker, since one is costly enough."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.stack)
            item.add_marker(pytest.mark.timeout(TIMEOUT))
            if "stack" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.xdist_group("stack"))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if not (HOME / "bin" / "ministack").exists():
        pytest.skip("MiniStack is not installed: make .stamps/ministack")
    try:
        python313()
    except StackError as error:
        pytest.skip(str(error))
    ensure_built("x86_64")
    with running(tmp_path_factory.mktemp("stack")) as stack:
        _warm(stack)
        yield stack


def _warm(stack: Stack) -> None:
    """Has every function started once, which takes seconds each on a busy machine."""
    server = StackServer(stack)
    party = Party(server)
    room, _, (tab, other) = party.tabs("First", "Second")
    other.event(room, tab.ok("post", room=room, text="are you there?"))
    party.close()
    server.stop()


@pytest.fixture
def server(stack: Stack) -> Iterator[StackServer]:
    server = StackServer(stack)
    yield server
    server.stop()
