"""Whoever reads further up stays there, by whichever means they came."""

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.rooms import Talk, history
from tests.browser.tabs import House, Tab
from tests.browser.test_keyboard import walk_to
from tests.server.harness import Server

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

ROOM = "reading"

# No wheel, no finger, no key: as a screen reader or a search in the page scrolls. A row that
# grew just before must not make it pass for the list's own.
_SCROLL = """async (how) => {
  const list = document.querySelector('[data-testid="message-list"]');
  const rows = () => [...list.querySelectorAll('[data-testid="message"]')];
  rows().at(-1).style.paddingBottom = "40px";
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const [first] = rows();
  if (how === "focus") first.focus();
  else if (how === "into view") first.scrollIntoView();
  else list.scrollTop -= 300;
  return first.dataset.version;
}"""


@pytest.fixture(scope="module")
def room(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    history(server, tmp_path_factory.mktemp("log"), ROOM, 1_000)
    return ROOM


@pytest.fixture
def reader(house: House, room: str) -> Tab:
    """A member who opened the room, at its end."""
    person = house.server.enter(house.name("reader"))
    Talk(room, person).join(person)
    tab = house.tab(person=person)
    with tab.page.expect_response(lambda answer: "before=" in answer.url):
        tab.go(room)
    expect(tab.at("composer")).to_be_focused()
    expect(tab.at("message").last).to_be_in_viewport()
    expect(tab.at("jump-newest")).to_have_count(0)
    return tab


def row(tab: Tab, version: str) -> Locator:
    return tab.page.locator(f'[data-testid="message"][data-version="{version}"]')


def stood(tab: Tab, version: str) -> float:
    """Where on the screen a message is once the page came to rest."""
    tab.still()
    box = row(tab, version).bounding_box()
    assert box is not None
    return box["y"]


def news(tab: Tab, text: str) -> None:
    """Has somebody else post, and waits until the page knows."""
    writer = tab.server.enter(f"writer of {text}")
    talk = Talk(ROOM, writer)
    talk.join(writer)
    talk.post(writer, text)
    expect(tab.item(ROOM)).to_contain_text(text)


@pytest.mark.parametrize("how", ["by script", "into view", "focus"])
def test_what_is_scrolled_to_without_a_gesture_stays(reader: Tab, how: str) -> None:
    version = reader.page.evaluate(_SCROLL, how)
    before = stood(reader, version)
    news(reader, f"meanwhile {how}")
    assert abs(stood(reader, version) - before) < 3
    expect(reader.at("jump-newest")).to_be_visible()
    if how != "by script":
        expect(row(reader, version)).to_be_in_viewport()


def test_a_message_that_is_read_by_the_focus_stays(reader: Tab) -> None:
    keys = reader.page.keyboard
    walk_to(reader, "message", key="Shift+Tab")
    version = reader.page.evaluate("document.activeElement.dataset.version")
    before = stood(reader, version)
    news(reader, "one for the focus")
    news(reader, "and two for the focus")
    assert abs(stood(reader, version) - before) < 3
    expect(row(reader, version)).to_be_focused()
    expect(reader.at("jump-newest")).to_be_visible()
    # The arrow goes on to what came, and there is nothing further down then.
    keys.press("ArrowDown")
    expect(reader.message("one for the focus")).to_be_focused()
    keys.press("ArrowDown")
    expect(reader.message("and two for the focus")).to_be_focused()
    expect(reader.at("jump-newest")).to_have_count(0)
    # Whoever writes looks at the newest again.
    walk_to(reader, "composer")
    news(reader, "three for the focus")
    expect(reader.message("three for the focus")).to_be_in_viewport()


def test_the_focus_is_not_lost_with_a_message_out_of_sight(reader: Tab) -> None:
    keys = reader.page.keyboard
    walk_to(reader, "message", key="Shift+Tab")
    version = reader.page.evaluate("document.activeElement.dataset.version")
    for _ in range(3):
        keys.press("PageUp")
        reader.still()
    expect(row(reader, version)).not_to_be_in_viewport()
    expect(row(reader, version)).to_be_focused()
    keys.press("ArrowUp")
    earlier = reader.page.locator('[data-testid="message"]:focus')
    expect(earlier).to_be_in_viewport()
    assert int(earlier.get_attribute("data-version") or 0) < int(version)
