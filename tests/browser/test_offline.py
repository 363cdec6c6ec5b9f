"""Without a connection the app says what it cannot do, and keeps what people write."""

import pytest
from playwright.sync_api import expect

from tests.browser.proxy import Proxy
from tests.browser.tabs import NETWORK, House, agree

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

BACKOFF = 30_000
"""Milliseconds in which a page is surely back: waits grow to 10 s."""


def test_a_room_says_that_it_is_cut_off_and_a_waiting_message_can_be_cancelled(
    house: House, proxy: Proxy
) -> None:
    ann, bob, room = house.pair(url=proxy.url)
    other = bob.create(house.room_name())
    ann.send("hello")
    agree(room, ["hello"], ann)
    header = ann.page.locator("main section > header")
    expect(header).to_contain_text("online")
    house.allow(NETWORK)
    proxy.set("cut")
    expect(ann.at("offline-bar")).to_be_visible()
    expect(header).not_to_contain_text("online")
    ann.send("not this", "but this")
    row = ann.message("not this")
    row.get_by_test_id("message-cancel").click()
    expect(row).to_have_count(0)
    # A room that was never opened here.
    ann.go(other)
    expect(ann.at("room-unreadable")).to_be_visible()
    proxy.set("open")
    expect(ann.at("room-unreadable")).to_have_count(0, timeout=BACKOFF)
    ann.go(room)
    expect(ann.at("offline-bar")).to_have_count(0)
    agree(room, ["hello", "but this"], ann)
