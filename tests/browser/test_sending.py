"""What a person does shows at once, and what they wrote is only ever text."""

import signal
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.proxy import Proxy
from tests.browser.tabs import NETWORK, House, agree
from tests.server.harness import Server

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

MARKUP = [
    "<script>window.hurt = 1</script>",
    '<img src=x onerror="window.hurt = 1">',
    "<svg/onload=window.hurt=1>",
    '"><iframe srcdoc="<script>parent.hurt=1</script>"></iframe>',
    "<a href='javascript:window.hurt=1'>here</a>",
    "javascript:window.hurt=1",
    "&lt;b&gt;not bold&lt;/b&gt; &amp; &#60;",
    "{{constructor.constructor('window.hurt=1')()}} ${window.hurt=1}",
    "<style>*{display:none}</style>",
    "`<b>code</b>`",
    'https://example.org/"onmouseover="window.hurt=1',
    "<math><mtext></form><form><mglyph><style></math><img src onerror=window.hurt=1>",
]


def test_a_message_shows_at_once_and_is_marked_when_it_is_kept(house: House, proxy: Proxy) -> None:
    ann = house.enter("ann", url=proxy.url)
    room = ann.create(house.room_name())
    proxy.set("held")
    ann.send("hello")
    expect(ann.message("hello")).to_have_attribute("data-state", "pending")
    expect(ann.at("composer")).to_have_value("")
    expect(ann.at("composer")).to_be_focused()
    proxy.set("open")
    expect(ann.message("hello")).to_have_attribute("data-state", "sent")
    agree(room, ["hello"], ann)


def test_without_a_server_a_message_waits_and_is_sent_again_with_its_id(
    own_house: House, own_server: Server
) -> None:
    ann = own_house.enter("ann")
    room = ann.create(own_house.room_name())
    ann.send("before")
    ann.settled(1)
    # How often each text is on the screen, at its most: also between two frames.
    ann.page.evaluate(
        """() => {
          window.most = {};
          new MutationObserver(() => {
            const count = {};
            for (const shown of document.querySelectorAll('[data-testid="message-text"]')) {
              count[shown.textContent] = (count[shown.textContent] ?? 0) + 1;
            }
            for (const [text, times] of Object.entries(count)) {
              window.most[text] = Math.max(window.most[text] ?? 0, times);
            }
          }).observe(document.body, { childList: true, subtree: true });
        }"""
    )
    own_house.allow(NETWORK)
    # Stopped, it takes the frame into its buffers and does not answer.
    own_server.process.send_signal(signal.SIGSTOP)
    ann.send("under way")
    expect(ann.message("under way")).to_have_attribute("data-state", "pending")
    ann.sent("under way")
    own_server.kill()
    ann.send("waiting")
    expect(ann.at("connection-state")).not_to_have_attribute("data-state", "online")
    expect(ann.message("waiting")).to_have_attribute("data-state", "pending")
    own_server.start()
    agree(room, ["before", "under way", "waiting"], ann)
    assert ann.page.evaluate("window.most") == {"before": 1, "under way": 1, "waiting": 1}
    assert len(ann.posts("under way")) >= 2
    assert len({frame["id"] for frame in ann.posts("under way")}) == 1
    assert len({frame["id"] for frame in ann.posts("waiting")}) == 1


def test_what_the_server_refuses_can_be_sent_again_or_thrown_away(
    open_house: Callable[[Server], House], tmp_path_factory: pytest.TempPathFactory
) -> None:
    # No command comes back by waiting, however slow the machine is; a restart brings them all.
    with Server(tmp_path_factory.mktemp("limited") / "data", rate=0.001) as server:
        house = open_house(server)
        ann = house.enter("ann", height=4_000)
        ann.create(house.room_name())
        person = ann.person()
        tab = person.connect()
        # Takes all that the person may do at once, by another tab of theirs.
        ids = [tab.send("join", room="nowhere") for _ in range(120)]
        assert "rate_limited" in [tab.answer(id).get("code") for id in ids]
        ann.send("one too many", "and another")
        failed = ann.page.locator('[data-testid="message"][data-state="failed"]')
        expect(failed).to_have_count(2)
        ann.message("and another").get_by_test_id("message-discard").click()
        expect(ann.at("message")).to_have_count(1)
        house.allow(NETWORK)
        server.restart()
        ann.online()
        ann.message("one too many").get_by_test_id("message-retry").click()
        expect(ann.message("one too many")).to_have_attribute("data-state", "sent")
        tab.close()
        assert house.close() == []


def test_edits_and_reactions_show_before_the_server_heard_of_them(
    house: House, proxy: Proxy
) -> None:
    ann = house.enter("ann", url=proxy.url)
    room = ann.create(house.room_name())
    ann.send("frist")
    ann.settled(1)
    proxy.set("held")
    ann.act("frist", "edit")
    ann.send("first")
    expect(ann.message("first")).to_be_visible()
    ann.message("first").hover()
    ann.at("quick-reaction").first.click()
    expect(ann.at("reaction")).to_have_count(1)
    proxy.set("open")
    ann.page.reload()
    expect(ann.message("first").get_by_test_id("reaction")).to_have_count(1)
    assert ann.person().get(f"/api/rooms/{room}/messages")["messages"][0]["text"] == "first"


def test_a_taken_nickname_is_told(house: House) -> None:
    house.enter("ann")
    other = house.tab()
    house.allow("status of 409")
    other.at("nickname-input").fill(house.name("ann"))
    other.at("enter-button").click()
    expect(other.page.get_by_role("alert")).to_have_text("This nickname is already in use.")
    other.enter(house.name("anna"))


def test_logging_out_ends_the_session_in_the_other_tab(house: House) -> None:
    ann = house.enter("ann")
    room = ann.create(house.room_name())
    other = house.tab(ann.page.context)
    other.online()
    other.go(room)
    expect(other.at("composer")).to_be_visible()
    # The other tab may be asking for something at that moment.
    house.allow(r"status of 401")
    ann.log_out()
    for tab in (ann, other):
        expect(tab.at("nickname-input")).to_be_visible()
    expect(other.page.get_by_role("alert")).to_contain_text("Your session has ended")
    other.page.reload()
    expect(other.at("nickname-input")).to_be_visible()


def test_one_person_in_two_tabs_sees_both(house: House) -> None:
    one = house.enter("ann", height=1_600)
    room = one.create(house.room_name())
    other = house.tab(one.page.context)
    other.go(room)
    expect(other.at("composer")).to_be_visible()
    one.send("from one")
    other.send("from two")
    one.send("and one")
    agree(room, ["from one", "from two", "and one"], one, other)
    expect(one.at("member")).to_have_count(1)


@pytest.mark.parametrize("name", ["<b>bold</b>", "<img src=x onerror=hurt()>"])
def test_markup_in_names_is_text(house: House, name: str) -> None:
    ann = house.tab()
    ann.enter(name)
    room = ann.create(f"{name} {house.room_name()}")
    ann.send("hello")
    expect(ann.message("hello")).to_contain_text(name)
    expect(ann.item(room)).to_contain_text(name)
    expect(ann.at("member")).to_contain_text(name)
    assert ann.page.locator("#root img, #root b").count() == 0
    ann.log_out()
    expect(ann.at("nickname-input")).to_be_visible()


def test_markup_in_messages_is_text(house: House) -> None:
    ann, bob, _ = house.pair()
    ann.send(*MARKUP)
    shown = [text.strip("`") for text in MARKUP]
    for tab in (ann, bob):
        tab.settled(len(MARKUP))
        assert [row.text for row in tab.rows()] == shown
    bob.page.reload()
    bob.settled(len(MARKUP))
    assert [row.text for row in bob.rows()] == shown
    for tab in (ann, bob):
        bad = "#root img, #root script, #root iframe, #root style, #root math, #root b, #root form"
        assert tab.page.locator(f"{bad}, [href^='javascript:' i], [onmouseover]").count() == 0
        assert tab.page.evaluate("window.hurt") is None
        for link in tab.page.locator('[data-testid="message-text"] a').all():
            href = link.get_attribute("href")
            assert href is not None
            assert href.startswith("https://")


def test_erased_texts_are_shown_as_such(house: House) -> None:
    ann, bob, _ = house.pair()
    bob.send("forget me")
    ann.act("forget me", "reply")
    ann.send("I shall")
    expect(bob.message("I shall")).to_be_visible()
    house.server.parley("erase", bob.person().id)
    ann.page.reload()
    expect(ann.at("message")).to_have_count(2)
    erased = ann.at("message-text").filter(has_text="[no longer kept]")
    expect(erased).to_have_count(1)
    expect(ann.message("I shall").get_by_test_id("message-quote")).to_contain_text(
        "[no longer kept]"
    )
    expect(ann.page.get_by_text("forget me")).to_have_count(0)
    expect(ann.page.get_by_text(house.name("bob"))).to_have_count(0)
