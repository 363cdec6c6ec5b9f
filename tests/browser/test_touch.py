"""Parley under a finger."""

import pytest
from playwright.sync_api import Locator, expect
from playwright.sync_api import TimeoutError as Late

from tests.browser.tabs import House, Tab

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

TAPS = 40
HELD = 70
"""Milliseconds that a finger stays down. Playwright's own tap takes none, so that its click comes
before the page has shown anew what the touch changed."""


def test_a_tap_on_a_message_and_one_on_its_buttons(house: House) -> None:
    tab = house.enter("ann", width=390, height=780, touch=True)
    tab.create(house.room_name())
    texts = [f"line {number}" for number in range(6)]
    tab.send(*texts)
    tab.settled(len(texts))
    devices = tab.page.context.new_cdp_session(tab.page)

    def tap(place: Locator, x: float | None = None) -> None:
        place.wait_for(timeout=2_000)
        box = place.bounding_box()
        assert box is not None
        point = {"x": box["x"] + (box["width"] / 2 if x is None else x), "y": box["y"] + 10}
        devices.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
        tab.page.wait_for_timeout(HELD)
        devices.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    worked = 0
    for number in range(TAPS):
        row = tab.message(texts[number % len(texts)])
        action, shown = wanted(tab, number)
        # On its first letter: the buttons of the row below may be over the rest.
        tap(row.get_by_test_id("message-text"), x=6)
        try:
            tap(row.get_by_test_id(f"message-{action}"))
            shown.wait_for(timeout=2_000)
        except Late:
            continue
        worked += 1
        tab.page.keyboard.press("Escape")
        expect(shown).to_have_count(0)
    assert worked == TAPS


def wanted(tab: Tab, number: int) -> tuple[str, Locator]:
    """Returns a button by turns, and what it brings."""
    if number % 2 == 0:
        return "react", tab.page.get_by_role("dialog", name="Choose a reaction")
    return "reply", tab.at("compose-banner")
