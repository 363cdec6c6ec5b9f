"""Two people talk in a room."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.tabs import House, agree

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_two_people_talk_in_a_room(house: House) -> None:
    ann, bob, room = house.pair()

    ann.send("good morning")
    bob.send("and to you", "how is the garden?")
    for tab in (ann, bob):
        tab.settled(3)
    ann.send("wet")
    agree(room, ["good morning", "and to you", "how is the garden?", "wet"], ann, bob)

    # A reply quotes its message.
    bob.act("good morning", "reply")
    expect(bob.at("compose-banner")).to_contain_text(f"Reply to {house.name('ann')}")
    bob.send("it is late already")
    for tab in (ann, bob):
        quote = tab.message("it is late already").get_by_test_id("message-quote")
        expect(quote).to_contain_text("good morning")

    ann.act("wet", "edit")
    expect(ann.at("composer")).to_have_value("wet")
    ann.send("very wet")
    for tab in (ann, bob):
        expect(tab.message("very wet")).to_contain_text("edited")
        expect(tab.message("wet")).to_have_count(0)

    bob.act("how is the garden?", "delete")
    bob.at("confirm-button").click()
    for tab in (ann, bob):
        expect(tab.at("message").filter(has_text="Message deleted")).to_have_count(1)
        expect(tab.message("how is the garden?")).to_have_count(0)

    # Both react alike, then one takes it back.
    for tab, count in ((ann, 1), (bob, 2)):
        tab.act("very wet", "react")
        tab.page.locator('[data-testid="emoji"]').first.click()
        reaction = tab.message("very wet").get_by_test_id("reaction")
        expect(reaction).to_have_attribute("aria-pressed", "true")
        expect(reaction).to_contain_text(str(count))
    bob.message("very wet").get_by_test_id("reaction").click()
    for tab, pressed in ((ann, "true"), (bob, "false")):
        reaction = tab.message("very wet").get_by_test_id("reaction")
        expect(reaction).to_contain_text("1")
        expect(reaction).to_have_attribute("aria-pressed", pressed)


def test_actions_links_code_and_lines(house: House) -> None:
    ann, bob, _ = house.pair()
    ann.send("/me waves", "see https://example.org/a?b=c.", "call `x < y` or\n```\na & b\n```")
    expect(bob.at("message").filter(has_text=f"{house.name('ann')} waves")).to_have_count(1)
    link = bob.page.get_by_role("link", name="https://example.org/a?b=c", exact=True)
    expect(link).to_have_attribute("href", "https://example.org/a?b=c")
    expect(link).to_have_attribute("rel", re.compile("noopener"))
    expect(bob.page.locator("code", has_text="x < y")).to_have_count(1)
    expect(bob.at("message").filter(has_text="a & b")).to_have_count(1)


_TYPING_WHEN_SHOWN = """(text) => new Promise((done) => {
  const shown = (id) => [...document.querySelectorAll(`[data-testid="${id}"]`)];
  const look = () => {
    if (!shown("message-text").some((message) => message.textContent === text)) {
      requestAnimationFrame(look);
      return;
    }
    // The frame after the one that has the message.
    requestAnimationFrame(() => done(shown("typing").map((line) => line.textContent).join("")));
  };
  look();
})"""
"""Waits in the page for a message; resolves with who is then said to be typing."""


def test_typing_is_shown_and_lapses(house: House) -> None:
    ann, bob, _ = house.pair()
    says = f"{house.name('ann')} is typing…"
    ann.at("composer").press("h")
    expect(bob.at("typing")).to_have_text(says)
    expect(bob.at("typing")).to_have_text("")
    # The message ends it, before it would lapse by itself after 5 s.
    ann.at("composer").press_sequentially("mm")
    expect(bob.at("typing")).to_have_text(says)
    ann.at("composer").press("Enter")
    assert bob.page.evaluate(_TYPING_WHEN_SHOWN, "hmm") == ""
    expect(ann.at("typing")).to_have_text("")


def test_who_is_there_is_shown(house: House) -> None:
    ann, bob, _ = house.pair()
    for tab in (ann, bob):
        for name in ("ann", "bob"):
            member = tab.at("member").filter(has_text=house.name(name))
            expect(member).to_contain_text("online", ignore_case=True)
    expect(ann.at("member").filter(has_text=house.name("ann"))).to_have_attribute(
        "data-role", "owner"
    )


@pytest.mark.long
def test_who_went_is_not_online_after_half_a_minute(house: House) -> None:
    ann, bob, _ = house.pair()
    member = ann.at("member").filter(has_text=house.name("bob"))
    expect(member).to_contain_text("online", ignore_case=True)
    bob.page.context.close()
    expect(member).not_to_contain_text("online", ignore_case=True, timeout=40_000)


def test_what_is_unread_is_counted(house: House) -> None:
    ann, bob, room = house.pair(height=800)
    ann.send("you are here")
    expect(bob.message("you are here")).to_be_visible()
    expect(bob.item(room)).to_have_attribute("data-unread", "0")
    bob.go(None)
    expect(bob.at("composer")).to_have_count(0)
    ann.send("one", "two", "three")
    expect(bob.item(room)).to_have_attribute("data-unread", "3")
    expect(bob.item(room)).to_contain_text("three")
    expect(bob.page).to_have_title("(3) Parley")
    # It is the server's count as well.
    bob.page.reload()
    expect(bob.item(room)).to_have_attribute("data-unread", "3")
    bob.item(room).click()
    expect(bob.at("unread-divider")).to_have_count(1)
    expect(bob.message("three")).to_be_visible()
    expect(bob.item(room)).to_have_attribute("data-unread", "0")
    # What one writes oneself is never unread.
    expect(ann.item(room)).to_have_attribute("data-unread", "0")


def test_a_person_leaves_and_joins_again(house: House) -> None:
    ann, bob, room = house.pair()
    bob.send("bye")
    expect(ann.message("bye")).to_be_visible()
    bob.at("leave-button").click()
    bob.at("leave-confirm").click()
    expect(bob.at("join-button")).to_be_visible()
    expect(bob.at("composer")).to_have_count(0)
    expect(ann.at("notice").filter(has_text=f"{house.name('bob')} left")).to_have_count(1)
    expect(ann.at("member")).to_have_count(1)
    # A guest reads along, what was said before coming and after.
    bob.page.reload()
    expect(bob.message("bye")).to_be_visible()
    bob.at("join-button").click()
    expect(bob.at("composer")).to_be_visible()
    ann.send("back so soon")
    agree(room, ["bye", "back so soon"], ann, bob)


def test_a_room_is_found_by_the_server_whatever_case_and_accents(house: House) -> None:
    bob = house.enter("bob")
    expect(bob.at("room-list")).to_be_visible()
    # It was not there when Bob's lists were read.
    ann = house.enter("ann")
    name = house.room_name()
    room = ann.create(f"Café {name}")
    expect(bob.item(room)).to_have_count(0)
    find = bob.page.get_by_label("Find a room")
    find.fill(f"CAFE {name.upper()}")
    expect(bob.item(room)).to_have_count(1)
    expect(bob.at("room-item")).to_have_count(1)
    bob.item(room).click()
    bob.at("join-button").click()
    expect(bob.at("composer")).to_be_visible()
    find.fill("")
    expect(bob.page.get_by_label("Your rooms").locator(f'[data-room="{room}"]')).to_have_count(1)
    find.fill(f"{name} nowhere")
    expect(bob.at("room-list")).to_contain_text("No room has that name.")


def test_a_private_room_is_seen_by_those_who_are_added(house: House) -> None:
    ann, bob = house.enter("ann"), house.enter("bob")
    room = ann.create(house.room_name(), "private")
    ann.send("between us")
    expect(bob.item(room)).to_have_count(0)
    ann.at("add-member-input").fill(bob.person().id)
    ann.at("add-member").click()
    # Bob is a stranger: he is asked, and sees the room's name alone.
    expect(ann.at("invited")).to_have_count(1)
    expect(ann.at("member")).to_have_count(1)
    expect(bob.at("invitation")).to_contain_text(f"{house.name('ann')} invites you")
    expect(bob.item(room)).to_have_count(0)
    bob.at("accept-invitation").click()
    expect(bob.message("between us")).to_be_visible()
    expect(bob.at("invitation")).to_have_count(0)
    expect(ann.at("member")).to_have_count(2)
    expect(ann.at("invited")).to_have_count(0)
    bob.at("leave-button").click()
    bob.at("leave-confirm").click()
    expect(bob.item(room)).to_have_count(0)


def test_an_invitation_is_declined(house: House) -> None:
    ann, bob = house.enter("ann"), house.enter("bob")
    ann.create(house.room_name(), "private")
    ann.at("add-member-input").fill(bob.person().id)
    ann.at("add-member").click()
    # A tab that opens now has the invitation too.
    bob.page.reload()
    bob.at("decline-invitation").click()
    expect(bob.at("invitation")).to_have_count(0)
    expect(ann.at("invited")).to_have_count(0)
    expect(ann.at("notice").filter(has_text="declined")).to_have_count(1)


def test_in_a_broadcast_room_members_react_and_moderators_post(house: House) -> None:
    ann, bob = house.enter("ann"), house.enter("bob")
    room = ann.create(house.room_name(), "broadcast")
    ann.send("hear ye")
    bob.go(room)
    bob.at("join-button").click()
    expect(bob.at("leave-button")).to_be_visible()
    expect(bob.at("composer")).to_have_count(0)
    bob.message("hear ye").hover()
    expect(bob.at("message-reply")).to_have_count(0)
    bob.at("quick-reaction").first.click()
    expect(ann.message("hear ye").get_by_test_id("reaction")).to_have_count(1)
    ann.at("member").filter(has_text=house.name("bob")).get_by_test_id("member-menu").click()
    ann.at("make-moderator").click()
    expect(bob.at("composer")).to_be_visible()
    bob.send("I too")
    agree(room, ["hear ye", "I too"], ann, bob)
