"""What is being written, and what was just sent."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.proxy import Proxy
from tests.browser.tabs import House

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_a_row_is_the_same_from_the_key_to_the_log(house: House, proxy: Proxy) -> None:
    ann = house.enter("ann", url=proxy.url)
    ann.create(house.room_name())
    proxy.set("held")
    ann.send("hello")
    expect(ann.message("hello")).to_have_attribute("data-state", "pending")
    row = ann.message("hello").element_handle()
    proxy.set("open")
    expect(ann.message("hello")).to_have_attribute("data-n", "1")
    assert row is not None
    assert row.evaluate("row => row.isConnected")


def test_the_arrow_edits_what_was_just_sent(house: House, proxy: Proxy) -> None:
    ann = house.enter("ann", url=proxy.url)
    room = ann.create(house.room_name())
    ann.send("before")
    ann.settled(1)
    proxy.set("held")
    ann.send("helo")
    ann.at("composer").press("ArrowUp")
    expect(ann.at("composer")).to_have_value("helo")
    expect(ann.at("compose-banner")).to_contain_text("Edit message")
    ann.send("hello")
    # Shown at once, and kept once the server is there.
    expect(ann.message("hello")).to_be_visible()
    proxy.set("open")
    expect(ann.message("hello")).to_contain_text("edited")
    ann.at("composer").press("ArrowUp")
    expect(ann.at("composer")).to_have_value("hello")
    ann.send("hello again")
    expect(ann.message("hello again")).to_contain_text("edited")
    told = ann.person().get(f"/api/rooms/{room}/messages")["messages"]
    assert [message["text"] for message in told] == ["before", "hello again"]


def test_an_edit_and_a_reply_wait_while_one_is_in_another_room(house: House) -> None:
    ann = house.enter("ann")
    first = ann.create(house.room_name())
    ann.send("one", "two")
    ann.settled(2)
    name = house.room_name()
    second = ann.create(name)
    expect(ann.at("composer")).to_have_attribute("aria-label", f"Message {name}")
    ann.at("composer").fill("a draft of the second")

    ann.go(first)
    ann.act("one", "reply")
    ann.at("composer").fill("an answer")
    ann.go(second)
    expect(ann.at("composer")).to_have_value("a draft of the second")
    expect(ann.at("compose-banner")).to_have_count(0)
    ann.go(first)
    expect(ann.at("compose-banner")).to_contain_text("one")
    expect(ann.at("composer")).to_have_value("an answer")
    ann.at("composer").press("Enter")
    expect(ann.message("an answer").get_by_test_id("message-quote")).to_contain_text("one")

    ann.act("two", "edit")
    ann.at("composer").fill("two and a half")
    ann.go(second)
    expect(ann.at("composer")).to_have_value("a draft of the second")
    ann.go(first)
    expect(ann.at("compose-banner")).to_contain_text("Edit message")
    expect(ann.at("composer")).to_have_value("two and a half")
    ann.at("composer").press("Enter")
    expect(ann.message("two and a half")).to_contain_text("edited")
    expect(ann.at("compose-banner")).to_have_count(0)


def test_who_came_is_told_after_a_reload_too(house: House) -> None:
    ann, bob, _ = house.pair()
    ann.send("welcome")
    ann.settled(1)
    told = f"{house.name('bob')} joined"
    for tab in (ann, bob):
        expect(tab.at("notice").filter(has_text=told)).to_have_count(1)
        before = tab.at("notice").all_inner_texts()
        tab.page.reload()
        expect(tab.message("welcome")).to_be_visible()
        expect(tab.at("notice").filter(has_text=told)).to_have_count(1)
        assert tab.at("notice").all_inner_texts() == before


def test_a_name_in_any_script_suggests_an_address(house: House) -> None:
    ann = house.enter("ann")
    ann.at("create-room-button").click()
    address = ann.at("room-id-input")
    for name, suggested in (
        ("Đồ ăn", r"do-an"),
        ("Привет, мир", r"privet-mir"),
        ("日本語", r"room-[a-z2-7]{6}"),
    ):
        ann.at("room-name-input").fill(name)
        expect(address).to_have_value(re.compile(rf"^{suggested}$"))
    ann.at("create-room-submit").click()
    expect(ann.page.get_by_role("heading", name="日本語")).to_be_visible()
