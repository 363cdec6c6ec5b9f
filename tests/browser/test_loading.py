"""What a page shows and asks for before it is there."""

import pytest
from playwright.sync_api import Route, expect

from tests.browser.tabs import House, Tab

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_a_page_says_that_it_loads_before_any_script_runs(house: House) -> None:
    context = house.context()
    held: list[Route] = []
    context.route("**/*.js", lambda route: held.append(route))
    page = context.new_page()
    page.goto("/", wait_until="commit")
    expect(page.get_by_test_id("shell")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("Loading…")
    # Its colours and sizes are the style sheet's, not a style of its own.
    box = page.get_by_role("heading", name="Parley").bounding_box()
    assert box is not None
    assert abs(box["x"] + box["width"] / 2 - 640) < 2
    for route in held:
        route.continue_()
    expect(page.get_by_test_id("nickname-input")).to_be_visible()
    expect(page.get_by_test_id("shell")).to_have_count(0)


def test_what_a_page_begins_with_is_asked_for_side_by_side(house: House) -> None:
    context = house.context()
    house.tab(context).enter(house.name("ann"))
    ann = house.tab(context)
    ann.online()
    asked = [
        (entry["name"].rsplit(":", 1)[-1].partition("/")[2], entry["start"], entry["end"])
        for entry in ann.page.evaluate(
            """performance.getEntriesByType("resource").map(
              ({ name, startTime: start, responseEnd: end }) => ({ name, start, end }))"""
        )
    ]
    times = {name.partition("?")[0]: (start, end) for name, start, end in reversed(asked)}
    # One request for the configuration, which came beside the script.
    assert [name for name, _, _ in asked].count("config.json") == 1
    script = next(times[name] for name in times if name.endswith(".js"))
    assert times["config.json"][0] < script[1]
    rooms, ticket = times["api/rooms"], times["api/tickets"]
    assert rooms[0] < ticket[1]
    assert ticket[0] < rooms[1]


def test_the_script_comes_compressed(house: House) -> None:
    tab: Tab = house.tab()
    sizes = tab.page.evaluate(
        """performance.getEntriesByType("resource")
          .filter(({ name }) => /\\.(js|css)$/.test(name))
          .map(({ encodedBodySize: sent, decodedBodySize: opened }) => [sent, opened])"""
    )
    assert sizes
    assert all(sent < opened / 2 for sent, opened in sizes)
