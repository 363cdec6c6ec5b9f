"""All of it without a mouse."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.tabs import House, Tab

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

_FOCUSED = "document.activeElement?.closest('[data-testid]')?.dataset.testid ?? ''"


def walk_to(tab: Tab, testid: str, *, key: str = "Tab", steps: int = 40) -> None:
    """Presses Tab until the element has the focus."""
    for _ in range(steps):
        if tab.page.evaluate(_FOCUSED) == testid:
            return
        tab.page.keyboard.press(key)
    raise AssertionError(f"{key} never comes to {testid}")


def logged(tab: Tab, text: str) -> None:
    """Waits until the message is the log's own, not only acknowledged: then it can be edited."""
    expect(tab.message(text)).to_have_attribute("data-n", re.compile(r"^\d+$"))


def test_everything_by_keyboard_alone(house: House) -> None:
    tab = house.tab()
    keys = tab.page.keyboard

    expect(tab.at("nickname-input")).to_be_focused()
    keys.type(house.name("ann"))
    keys.press("Enter")
    tab.online()

    walk_to(tab, "create-room-button")
    keys.press("Enter")
    expect(tab.at("room-name-input")).to_be_visible()
    walk_to(tab, "room-name-input")
    name = house.room_name()
    keys.type(name)
    # The focus stays in the dialog, and an arrow chooses the kind.
    walk_to(tab, "room-kind-public")
    keys.press("ArrowDown")
    expect(tab.page.get_by_role("radio", name="Private")).to_be_checked()
    keys.press("ArrowUp")
    walk_to(tab, "create-room-submit")
    keys.press("Enter")

    expect(tab.at("composer")).to_be_focused()
    keys.type("helo")
    keys.press("Shift+Enter")
    keys.type("world")
    keys.press("Enter")
    logged(tab, "helo\nworld")

    keys.press("ArrowUp")
    expect(tab.at("compose-banner")).to_contain_text("Edit message")
    expect(tab.at("composer")).to_have_value("helo\nworld")
    expect(tab.at("composer")).to_be_focused()
    keys.press("Control+A")
    keys.type("hello")
    keys.press("Enter")
    expect(tab.message("hello")).to_contain_text("edited")
    keys.type("second")
    keys.press("Enter")
    logged(tab, "second")

    # The messages are one stop; the arrows move between them.
    walk_to(tab, "message", key="Shift+Tab")
    expect(tab.message("second")).to_be_focused()
    keys.press("ArrowUp")
    expect(tab.message("hello")).to_be_focused()
    keys.press("+")
    expect(tab.at("emoji").first).to_be_focused()
    keys.press("ArrowRight")
    expect(tab.at("emoji").nth(1)).to_be_focused()
    keys.press("Enter")
    expect(tab.message("hello").get_by_test_id("reaction")).to_have_count(1)

    # Also by way of the message's buttons, and Escape comes back.
    tab_row = tab.message("second")
    walk_to(tab, "message", key="Shift+Tab")
    keys.press("ArrowDown")
    expect(tab_row).to_be_focused()
    keys.press("Enter")
    expect(tab.at("quick-reaction").first).to_be_focused()
    keys.press("Enter")
    expect(tab_row.get_by_test_id("reaction")).to_have_count(1)
    keys.press("Escape")
    expect(tab_row).to_be_focused()
    keys.press("r")
    expect(tab.at("compose-banner")).to_contain_text("Reply to")
    expect(tab.at("composer")).to_be_focused()
    keys.type("third")
    keys.press("Enter")
    expect(tab.message("third").get_by_test_id("message-quote")).to_contain_text("second")

    walk_to(tab, "members-toggle", key="Shift+Tab")
    expect(tab.at("member-panel")).to_be_visible()  # beside the room where there is place
    keys.press("Enter")
    expect(tab.at("member-panel")).to_have_count(0)
    keys.press("Space")
    expect(tab.at("member")).to_have_count(1)

    walk_to(tab, "leave-button", key="Shift+Tab")
    keys.press("Enter")
    walk_to(tab, "leave-confirm")
    keys.press("Enter")
    expect(tab.at("join-button")).to_be_visible()

    walk_to(tab, "logout-button", key="Shift+Tab")
    keys.press("Enter")
    walk_to(tab, "logout-confirm")
    keys.press("Enter")
    expect(tab.at("nickname-input")).to_be_focused()


def test_deleting_and_members_by_keyboard_on_a_small_screen(house: House) -> None:
    tab = house.enter("ann", width=800, height=700)
    tab.create(house.room_name())
    keys = tab.page.keyboard
    expect(tab.at("composer")).to_be_focused()
    keys.type("oops")
    keys.press("Enter")
    logged(tab, "oops")
    walk_to(tab, "message", key="Shift+Tab")
    keys.press("Delete")
    expect(tab.page.get_by_role("dialog")).to_be_visible()
    walk_to(tab, "confirm-button")
    keys.press("Enter")
    expect(tab.page.get_by_text("Message deleted")).to_be_visible()
    walk_to(tab, "members-toggle", key="Shift+Tab")
    keys.press("Enter")
    expect(tab.page.get_by_role("dialog", name="Members")).to_be_visible()
    keys.press("Escape")
    expect(tab.at("member-panel")).to_have_count(0)
    expect(tab.at("members-toggle")).to_be_focused()
