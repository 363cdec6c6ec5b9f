"""Reloads, restarts and a network that goes away lose nothing and double nothing."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.proxy import Mode, Proxy
from tests.browser.tabs import NETWORK, House, Tab, agree
from tests.server.harness import Server, until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

BACKOFF = 30_000
"""Milliseconds in which a page is surely back: waits grow to 10 s."""


def say(when: str, *tabs: Tab, count: int = 3) -> list[str]:
    """Has everybody write in turn; returns the texts."""
    texts: list[str] = []
    for number in range(count):
        for name, tab in zip(("ann", "bob"), tabs, strict=False):
            texts.append(f"{name} {when} {number}")
            tab.send(texts[-1])
    return texts


def back(*tabs: Tab) -> None:
    for tab in tabs:
        state = tab.at("connection-state")
        expect(state).to_have_attribute("data-state", "online", timeout=BACKOFF)


def test_a_reload_loses_nothing(house: House) -> None:
    ann, bob, room = house.pair()
    texts = say("before", ann, bob)
    # At once, with the last messages still on their way.
    ann.page.reload()
    texts += say("after", ann, bob)
    bob.page.reload()
    agree(room, texts, ann, bob)
    for tab in (ann, bob):
        tab.page.reload()
    agree(room, texts, ann, bob)


@pytest.mark.parametrize("end", [Server.stop, Server.kill])
def test_a_restart_of_the_server_loses_nothing(
    own_house: House, own_server: Server, end: Callable[[Server], object]
) -> None:
    ann, bob, room = own_house.pair()
    texts = say("before", ann, bob)
    own_house.allow(NETWORK)
    end(own_server)
    # Also what was under way when it ended.
    texts += say("meanwhile", ann, bob)
    expect(ann.message("ann meanwhile 2")).to_have_attribute("data-state", "pending")
    expect(ann.at("connection-state")).not_to_have_attribute("data-state", "online")
    own_server.start()
    texts += say("after", ann, bob)
    back(ann, bob)
    agree(room, texts, ann, bob)


def outage(house: House, proxy: Proxy, mode: Mode, seconds: float) -> None:
    ann, bob, room = house.pair(url=proxy.url)
    texts = say("before", ann, bob)
    house.allow(NETWORK)
    proxy.set(mode)
    texts += say("meanwhile", ann, bob)
    expect(ann.message("ann meanwhile 2")).to_have_attribute("data-state", "pending")
    # Passing time is what this is about; the page goes on meanwhile.
    ann.page.wait_for_timeout(seconds * 1000)
    assert ann.message("ann meanwhile 2").get_attribute("data-state") == "pending"
    texts += say("late", ann, bob)
    proxy.set("open")
    texts += say("after", ann, bob)
    back(ann, bob)
    agree(room, texts, ann, bob)


@pytest.mark.parametrize("mode", ["cut", "held", "deaf"])
def test_a_short_outage_of_the_network_loses_nothing(
    house: House, proxy: Proxy, mode: Mode
) -> None:
    outage(house, proxy, mode, 2)


@pytest.mark.long
@pytest.mark.parametrize("mode", ["cut", "held", "deaf"])
def test_ten_seconds_without_network_lose_nothing(house: House, proxy: Proxy, mode: Mode) -> None:
    outage(house, proxy, mode, 10)


@pytest.mark.parametrize("seconds", [2, pytest.param(10, marks=pytest.mark.long)])
def test_a_browser_that_knows_it_is_offline_loses_nothing(house: House, seconds: int) -> None:
    ann, bob, room = house.pair()
    texts = say("before", ann, bob)
    house.allow(NETWORK)
    for tab in (ann, bob):
        tab.page.context.set_offline(True)
        expect(tab.at("connection-state")).not_to_have_attribute("data-state", "online")
    texts += say("meanwhile", ann, bob)
    expect(ann.message("ann meanwhile 2")).to_have_attribute("data-state", "pending")
    ann.page.wait_for_timeout(seconds * 1000)
    assert ann.message("ann meanwhile 2").get_attribute("data-state") == "pending"
    for tab in (ann, bob):
        tab.page.context.set_offline(False)
    texts += say("after", ann, bob)
    back(ann, bob)
    agree(room, texts, ann, bob)


def test_a_phone_tells_in_the_room_that_it_is_offline(house: House) -> None:
    tab = house.enter("ann", width=390, height=844)
    tab.create(house.room_name())
    state = tab.at("connection-state")
    expect(state).to_have_count(0)
    house.allow(NETWORK)
    tab.page.context.set_offline(True)
    expect(state).to_be_in_viewport()
    expect(state).not_to_have_attribute("data-state", "online")
    tab.page.context.set_offline(False)
    expect(state).to_have_count(0, timeout=BACKOFF)


def test_a_reload_of_a_page_whose_ack_was_lost_sends_once(house: House, proxy: Proxy) -> None:
    ann, bob, room = house.pair(url=proxy.url)
    house.allow(NETWORK)
    proxy.set("deaf")
    ann.send("did you hear me?")
    person = ann.person()
    until(lambda: person.get(f"/api/rooms/{room}/messages")["messages"])
    expect(ann.message("did you hear me?")).to_have_attribute("data-state", "pending")
    proxy.set("open")
    ann.page.reload()
    agree(room, ["did you hear me?"], ann, bob)
    # The reloaded page asked again what became of it, with the same id.
    ann.send("once more")
    agree(room, ["did you hear me?", "once more"], ann, bob)
    sent = ann.posts("did you hear me?")
    assert len({frame["id"] for frame in sent}) == 1
    assert len(sent) >= 2
