"""A guest comes to another device by a link, once."""

import pytest
from playwright.sync_api import expect

from tests.browser.tabs import House

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_a_guest_brings_themselves_to_another_device(house: House) -> None:
    ann = house.enter("ann")
    room = ann.create(house.room_name(), "private")
    ann.at("logout-button").click()
    ann.at("make-link").click()
    link = ann.at("device-link").input_value()
    secret = link.rpartition("/")[2]
    assert len(secret) >= 40

    other = house.tab()
    other.page.goto(link)
    # A change of the fragment alone loads nothing anew; both ways are a visitor's.
    expect(other.at("link-continue")).to_be_visible()
    assert secret not in other.page.url
    other.at("link-continue").click()
    other.online()
    expect(other.item(room)).to_be_visible()
    assert other.person().id == ann.person().id
    assert other.person().token != ann.person().token
    other.page.reload()
    other.online()
    assert secret not in other.page.evaluate("JSON.stringify([localStorage, sessionStorage])")

    house.allow("the server responded with a status of 401")
    third = house.context().new_page()
    third.goto(link)
    third.get_by_test_id("link-continue").click()
    expect(third.get_by_role("alert")).to_contain_text("This link was used before")
    third.get_by_test_id("link-close").click()
    expect(third.get_by_test_id("nickname-input")).to_be_visible()
    # Whoever is here already stays who they are.
    bob = house.enter("bob")
    bob.page.goto(link)
    expect(bob.at("link-screen")).to_contain_text("already")
    expect(bob.at("link-continue")).to_have_count(0)
    assert not any(secret in line for line in house.server.output)
