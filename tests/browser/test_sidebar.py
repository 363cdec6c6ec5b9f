"""The list of rooms and what stands beside a room."""

import pytest
from playwright.sync_api import expect

from tests.browser.tabs import House

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_a_narrow_window_does_not_open_the_members_over_the_chat(house: House) -> None:
    ann = house.enter("ann", width=1400)
    ann.create(house.room_name())
    panel = ann.at("member-panel")
    expect(panel).to_be_visible()
    # 200 % zoom of 1,400 pixels.
    ann.page.set_viewport_size({"width": 700, "height": 800})
    expect(ann.at("composer")).to_be_visible()
    expect(panel).to_have_count(0)
    ann.at("members-toggle").click()
    expect(ann.page.get_by_role("dialog", name="Members")).to_be_visible()
    ann.page.set_viewport_size({"width": 1400, "height": 800})
    expect(ann.page.get_by_role("dialog")).to_have_count(0)
    expect(panel).to_be_visible()
    ann.page.set_viewport_size({"width": 700, "height": 800})
    expect(panel).to_have_count(0)


def test_a_new_room_stands_above_those_that_are_silent(house: House) -> None:
    ann = house.enter("ann")
    old = ann.create(house.room_name())
    ann.send("long ago")
    ann.settled(1)
    new = ann.create(house.room_name())
    items = ann.at("room-list").get_by_role("region", name="Your rooms").get_by_test_id("room-item")

    def shown() -> None:
        ann.page.mouse.move(700, 400)
        expect(items.nth(0)).to_have_attribute("data-room", new)
        expect(items.nth(1)).to_have_attribute("data-room", old)

    shown()
    ann.page.reload()
    shown()


def test_a_private_room_that_one_was_removed_from_is_not_one_to_join(house: House) -> None:
    ann, bob = house.enter("ann"), house.enter("bob")
    room = ann.create(house.room_name(), kind="private")
    owner, guest = ann.person(), bob.person()
    socket = owner.connect(room)
    socket.ok("add_member", room=room, user=guest.id)
    bob.page.get_by_role("button", name="Accept the invitation").click()
    expect(bob.item(room)).to_be_visible()
    expect(bob.at("composer")).to_be_visible()
    socket.ok("remove_member", room=room, user=guest.id)
    expect(bob.page.get_by_text("You are not in this room any more.")).to_be_visible()
    expect(bob.item(room)).to_have_count(0)
