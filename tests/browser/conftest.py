"""One Chromium and one server for all tests of this folder; each test has its own people."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.proxy import Proxy
from tests.browser.tabs import CHROMIUM_ARGUMENTS, House, chromium_path
from tests.server.harness import ROOT, Server


# Of the package and no longer: Playwright keeps an event loop running in this thread, next to
# which other tests could not start theirs.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    path = chromium_path()
    if path is None:
        pytest.skip("Chromium is not installed: tools/install_chromium.sh does it")
    if not (ROOT / "frontend" / "dist" / "index.html").exists():
        pytest.skip("the web app is not built: make run does it")
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, headless=True, args=CHROMIUM_ARGUMENTS
        )
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("browser") / "data") as server:
        yield server


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    """A wire to the shared server."""
    with Proxy(lambda: server.port) as proxy:
        yield proxy


# After the proxy, so that pages are gone before it is.
@pytest.fixture
def open_house(chromium: Browser, proxy: Proxy) -> Iterator[Callable[[Server], House]]:
    """Opens houses; the test fails where something in a page was not as it should be."""
    houses: list[House] = []
    before: list[int] = []

    def opened(server: Server) -> House:
        houses.append(House(chromium, server))
        before.append(len(server.faults))
        return houses[-1]

    yield opened
    problems = [problem for house in houses for problem in house.close()]
    for house, count in zip(houses, before, strict=True):
        problems += house.server.faults[count:]
    assert problems == []


@pytest.fixture
def house(open_house: Callable[[Server], House], server: Server) -> House:
    """People on the server that tests share."""
    return open_house(server)


@pytest.fixture
def own_server(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that the test may end and start."""
    with Server(tmp_path_factory.mktemp("own") / "data") as server:
        yield server


@pytest.fixture
def own_house(own_server: Server, open_house: Callable[[Server], House]) -> House:
    return open_house(own_server)
