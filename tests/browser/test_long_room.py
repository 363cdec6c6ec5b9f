"""A room of a hundred thousand messages scrolls as a room of ten."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.rooms import history
from tests.browser.tabs import House, Tab
from tests.server.harness import Server

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

MOST_ROWS = 200
LONGEST_TASK = 50.0
"""Milliseconds; PerformanceObserver tells of longer ones only."""

_WATCH = """() => {
  const seen = new Set();
  const phases = [["slowly", performance.now()]];
  window.watch = { rows: 0, tasks: [], seen, phases };
  const look = () => {
    const rows = document.querySelectorAll('[data-testid="message"]');
    window.watch.rows = Math.max(window.watch.rows, rows.length);
    for (const row of rows) seen.add(Number(row.dataset.version));
  };
  look();
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) {
      const phase = phases.findLast(([, start]) => start <= startTime + duration)?.[0] ?? "";
      window.watch.tasks.push([phase, Math.round(duration)]);
    }
  }).observe({ type: "longtask" });
}"""

_FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@dataclass(frozen=True)
class Measured:
    """What was seen of a page.

    Attributes
    ----------
    rows: messages in the DOM, at most.
    tasks: when, and how many milliseconds, of those that PerformanceObserver tells of.
    seen: versions of all messages that were in the DOM.
    work: the longest task's milliseconds on the processor.
    """

    rows: int
    tasks: list[tuple[str, int]]
    seen: list[int]
    work: float

    @property
    def longest(self) -> int:
        return max((length for _, length in self.tasks), default=0)


def longest_work(trace: bytes) -> float:
    """The longest task of a page's main thread, in milliseconds that it had the processor."""
    events = json.loads(trace)["traceEvents"]
    main = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    times = [
        event["tdur"] / 1000
        for event in events
        if event["name"] == "ThreadControllerImpl::RunTask"
        and "tdur" in event
        and (event["pid"], event["tid"]) in main
    ]
    assert len(times) > 100, "the trace tells nothing of tasks"
    return float(max(times))


def phase(tab: Tab, name: str) -> None:
    tab.page.evaluate("name => { watch.phases.push([name, performance.now()]) }", name)


def measured(tab: Tab, work: float = 0.0) -> Measured:
    found: dict[str, Any] = tab.page.evaluate("({ ...watch, seen: [...watch.seen] })")
    tasks = [(when, length) for when, length in found["tasks"]]
    return Measured(found["rows"], tasks, sorted(found["seen"]), work)


def oldest_shown(tab: Tab) -> int:
    versions: int = tab.page.evaluate(
        "Math.min(...[...document.querySelectorAll('[data-testid=\"message\"]')]"
        ".map((row) => Number(row.dataset.version)))"
    )
    return versions


def head(tab: Tab, room: str) -> int:
    """The version of the room's newest message."""
    page = tab.person().get(f"/api/rooms/{room}/messages?limit=1")
    return int(page["messages"][0]["version"])


def scroll_up(tab: Tab, until: Callable[[], bool], step: int, most: int) -> None:
    for _ in range(most):
        tab.page.mouse.wheel(0, -step)
        tab.page.evaluate(_FRAME)
        if until():
            return
    raise AssertionError(f"after {most} turns of the wheel only at {oldest_shown(tab)}")


def travel(tab: Tab, room: str, up: int) -> Measured:
    """Opens the room, scrolls `up` messages, back a way, and jumps to the newest."""
    tab.page.goto(f"/#/{room}")
    with tab.page.expect_response(lambda answer: "before=" in answer.url):
        tab.page.reload()
    expect(tab.at("message").last).to_be_visible()
    tab.online()
    newest = head(tab, room)
    # Where a room opens is another test's matter, so let it come to rest wherever it does.
    tab.still()
    jump = tab.at("jump-newest")
    row = tab.page.locator(f'[data-testid="message"][data-version="{newest}"]')
    if jump.is_visible():
        jump.click()
    expect(row).to_be_visible()
    expect(jump).to_have_count(0)
    tab.page.evaluate(_FRAME)
    tab.page.evaluate(_WATCH)
    browser = tab.page.context.browser
    assert browser is not None
    browser.start_tracing(page=tab.page, categories=["toplevel"])
    tab.page.mouse.move(700, 400)
    # Slowly first, so that every row must have been there; then as fast as a wheel goes.
    scroll_up(tab, lambda: oldest_shown(tab) < newest - 600, 400, 200)
    slowly = measured(tab)
    first, last = slowly.seen[0], slowly.seen[-1]
    assert slowly.seen == list(range(first, last + 1)), "rows are missing"
    assert last == newest
    target = max(newest - up, 100)
    phase(tab, "fast")
    scroll_up(tab, lambda: oldest_shown(tab) < target, 1_600, 3 * up // 20 + 100)
    phase(tab, "back")
    for _ in range(40):
        tab.page.mouse.wheel(0, 800)
        tab.page.evaluate(_FRAME)
    phase(tab, "jump")
    jump.click()
    expect(row).to_be_visible()
    expect(jump).to_have_count(0)
    tab.page.evaluate(_FRAME)
    return measured(tab, longest_work(browser.stop_tracing()))


def scrolls_smoothly(house: House, room: str, up: int) -> None:
    """Holds the best of three runs to the limit.

    A run without any task that PerformanceObserver calls long is good at once. On a machine that
    others use a task of a few milliseconds lasts long now and then, because it has to wait for the
    processor; what counts there is the time that the longest task had it. Both are printed.
    """
    person = house.server.enter(house.name("reader"))
    runs: list[Measured] = []
    for _ in range(3):
        tab = house.tab(person=person)
        tab.online()
        runs.append(travel(tab, room, up))
        tab.page.context.close()
        run = runs[-1]
        print(f"rows {run.rows}, on the processor {run.work:.0f} ms, long tasks {run.tasks}")
        assert run.rows < MOST_ROWS
        if run.longest <= LONGEST_TASK:
            return
    assert min(run.work for run in runs) <= LONGEST_TASK, [(run.work, run.tasks) for run in runs]


@pytest.fixture(scope="module")
def room(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    history(server, tmp_path_factory.mktemp("log"), "history", 5_000)
    return "history"


def test_a_room_opens_at_its_newest_message(house: House, room: str) -> None:
    tab = house.tab(person=house.server.enter(house.name("reader")))
    tab.go(room)
    newest = tab.page.locator(f'[data-testid="message"][data-version="{head(tab, room)}"]')
    for _ in range(8):
        # An older page comes by itself, and must not move what is read.
        with tab.page.expect_response(lambda answer: "before=" in answer.url):
            tab.page.reload()
        expect(newest).to_be_in_viewport()
        for _ in range(3):
            tab.page.evaluate(_FRAME)
        expect(newest).to_be_in_viewport()


def test_one_jumps_to_the_newest_message_again_and_again(house: House, room: str) -> None:
    tab = house.tab(person=house.server.enter(house.name("reader")))
    tab.go(room)
    newest = tab.page.locator(f'[data-testid="message"][data-version="{head(tab, room)}"]')
    expect(tab.at("message").last).to_be_visible()
    tab.page.mouse.move(700, 400)
    for _ in range(3):
        scroll_up(tab, lambda: newest.count() == 0, 1_600, 100)
        tab.at("jump-newest").click()
        expect(newest).to_be_in_viewport()
        expect(tab.at("jump-newest")).to_have_count(0)


def test_scrolling_keeps_few_rows_and_no_long_task(house: House, room: str) -> None:
    scrolls_smoothly(house, room, 1_500)


def test_the_very_first_message_can_be_reached(house: House, room: str) -> None:
    tab = house.tab(person=house.server.enter(house.name("reader")))
    tab.go(room)
    expect(tab.at("message").last).to_be_visible()
    tab.page.evaluate(_WATCH)
    tab.page.mouse.move(700, 400)
    beginning = tab.page.get_by_text("This is where the room begins.")
    top = "document.querySelector('[data-testid=\"message-list\"]').scrollTop"

    def there() -> bool:
        return beginning.count() == 1 and tab.page.evaluate(top) == 0

    scroll_up(tab, there, 30_000, 400)
    expect(beginning).to_be_in_viewport()
    first = tab.at("message").first
    expect(first).to_be_visible()
    expect(first.get_by_test_id("message-text")).to_contain_text("0: ")
    assert measured(tab).rows < MOST_ROWS


def test_a_quote_leads_to_its_message_and_back(house: House, room: str) -> None:
    tab = house.tab(person=house.server.enter(house.name("reader")))
    tab.go(room)
    expect(tab.at("message").last).to_be_visible()
    tab.page.mouse.move(700, 400)
    quote = tab.at("message-quote")
    scroll_up(tab, lambda: quote.count() > 0, 300, 20)
    quote.first.scroll_into_view_if_needed()
    words = quote.first.inner_text().splitlines()[-1]
    quote.first.click()
    expect(tab.at("message-text").filter(has_text=words).first).to_be_visible()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_hundred_thousand_messages_scroll_as_few_do(
    own_house: House, own_server: Server, tmp_path: Path
) -> None:
    history(own_server, tmp_path / "log", "history", 100_000)
    scrolls_smoothly(own_house, "history", 6_000)
