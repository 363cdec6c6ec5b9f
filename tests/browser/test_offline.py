"""Without a connection the app says what it cannot do, and keeps what people write."""

import pytest
from playwright.sync_api import expect

from tests.browser.proxy import Proxy
from tests.browser.tabs import NETWORK, TALL, House, agree
from tests.server.harness import until

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


_KEPT = """() => new Promise((done) => {
  const request = indexedDB.open("parley", 1);
  request.onsuccess = () => {
    const store = request.result.transaction("outbox").objectStore("outbox");
    store.getAll().onsuccess = ({ target }) => {
      request.result.close();
      done(target.result.flatMap(({ entries }) => entries.map(({ command }) => command.text)));
    };
  };
})"""
"""What IndexedDB has of all tabs."""


def test_a_message_outlives_its_tab_and_is_sent_once(house: House, proxy: Proxy) -> None:
    context = house.context(url=proxy.url, height=TALL)
    first = house.tab(context)
    first.enter(house.name("ann"))
    room = first.create(house.room_name())
    second = house.tab(context)
    second.online()
    second.go(room)
    expect(second.at("composer")).to_be_visible()
    house.allow(NETWORK)
    proxy.set("cut")
    first.send("from a closed tab")
    expect(first.at("offline-bar")).to_be_visible()
    until(lambda: second.page.evaluate(_KEPT) == ["from a closed tab"])
    first.page.close()
    # A live tab takes it over once it is connected.
    proxy.set("open")
    agree(room, ["from a closed tab"], second)
    until(lambda: second.page.evaluate(_KEPT) == [])
    assert len(second.posts("from a closed tab")) == 1

    # And so does one that is opened later, where no other is there.
    proxy.set("cut")
    second.send("from the last tab")
    until(lambda: second.page.evaluate(_KEPT) == ["from the last tab"])
    second.page.close()
    proxy.set("open")
    third = house.tab(context)
    third.go(room)
    agree(room, ["from a closed tab", "from the last tab"], third)
    until(lambda: third.page.evaluate(_KEPT) == [])


def test_what_was_not_sent_goes_with_the_person(house: House, proxy: Proxy) -> None:
    ann = house.enter("ann", url=proxy.url)
    ann.create(house.room_name())
    house.allow(NETWORK)
    proxy.set("cut")
    ann.send("never sent")
    until(lambda: ann.page.evaluate(_KEPT) == ["never sent"])
    ann.log_out()
    expect(ann.at("nickname-input")).to_be_visible()
    until(lambda: ann.page.evaluate(_KEPT) == [])
