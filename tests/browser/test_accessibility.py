"""axe finds nothing to object to on any screen, in both themes, on a desk and in a hand."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.rooms import all_kinds
from tests.browser.tabs import House, Tab, Theme
from tests.server.harness import ROOT, Person, Server

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
ROOM = "garden-club"

# WCAG 1.4.11, which axe does not look at: an icon that is pressed stands out by 3:1.
_FAINT_ICONS = """() => {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const paint = (...colours) => {
    for (const colour of colours) {
      context.fillStyle = colour;
      context.fillRect(0, 0, 1, 1);
    }
    const light = [...context.getImageData(0, 0, 1, 1).data].slice(0, 3)
      .map((part) => part / 255)
      .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2];
  };
  const faint = [];
  for (const icon of document.querySelectorAll("button:enabled > svg, a > svg")) {
    if (!icon.checkVisibility()) continue;
    const grounds = [];
    for (let element = icon; element; element = element.parentElement) {
      grounds.unshift(getComputedStyle(element).backgroundColor);
    }
    const [ink, ground] = [paint(getComputedStyle(icon).color), paint("white", ...grounds)];
    const contrast = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
    if (contrast < 3) faint.push(`${icon.parentElement.outerHTML.slice(0, 200)} ${contrast}`);
  }
  return faint;
}"""


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: cd frontend && npm ci")
    return AXE.read_text()


@pytest.fixture(scope="module")
def quiet_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with one room."""
    with Server(tmp_path_factory.mktemp("axe") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def ann(quiet_server: Server) -> Person:
    ann = quiet_server.enter("Ann")
    all_kinds(quiet_server, ann, ROOM)
    return ann


def violations(tab: Tab) -> list[str]:
    """What axe objects to; it came with the context, as the page's CSP lets no one inject it."""
    found: list[dict[str, Any]] = tab.page.evaluate("axe.run().then((found) => found.violations)")
    return [
        f"{rule['id']}: {node['html'][:300]} {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ] + [f"faint icon: {button}" for button in tab.page.evaluate(_FAINT_ICONS)]


THEMES = pytest.mark.parametrize("theme", ["light", "dark"])
SIZES = pytest.mark.parametrize(
    ("width", "height"), [(1280, 800), (390, 844)], ids=["desk", "hand"]
)


def test_axe_would_say_so(house: House, axe: str) -> None:
    tab = house.tab(scripts=[axe])
    expect(tab.at("nickname-input")).to_be_visible()
    tab.page.evaluate("document.querySelector('label').remove()")
    tab.page.evaluate("document.querySelector('input').placeholder = ''")
    # White on white, nearly, as a button's icon once was.
    tab.page.evaluate("document.querySelector('button > svg').style.color = '#eee'")
    said = [violation.split(":")[0] for violation in violations(tab)]
    assert "label" in said
    assert "faint icon" in said


@SIZES
@THEMES
def test_axe_finds_no_violation(
    open_house: Callable[[Server], House],
    quiet_server: Server,
    ann: Person,
    axe: str,
    theme: Theme,
    width: int,
    height: int,
) -> None:
    house = open_house(quiet_server)
    size: Any = {"width": width, "height": height, "theme": theme, "scripts": [axe]}
    small = width < 768
    found: dict[str, list[str]] = {}

    entry = house.tab(**size)
    expect(entry.at("nickname-input")).to_be_visible()
    found["entry"] = violations(entry)
    entry.at("enter-button").click()
    expect(entry.page.get_by_role("alert")).to_have_text("Choose a nickname first.")
    found["entry with a problem"] = violations(entry)
    entry.page.context.close()

    tab = house.tab(person=ann, **size)
    tab.online()
    expect(tab.item(ROOM)).to_be_visible()
    found["list of rooms"] = violations(tab)

    tab.at("create-room-button").click()
    expect(tab.at("room-name-input")).to_be_visible()
    found["create dialog"] = violations(tab)
    tab.page.keyboard.press("Escape")
    expect(tab.at("room-name-input")).to_have_count(0)

    tab.item(ROOM).click()
    expect(tab.at("message").last).to_be_visible()
    expect(tab.at("composer")).to_be_visible()
    found["room"] = violations(tab)
    # The list is virtual, so what is further up has to come into view.
    tab.at("message").first.scroll_into_view_if_needed()
    expect(tab.message("And the rake.")).to_be_in_viewport()
    found["room's beginning"] = violations(tab)

    row = tab.message("It is behind the shed.")
    row.focus()
    row.get_by_test_id("message-react").click()
    expect(tab.at("emoji").first).to_be_visible()
    found["emoji picker"] = violations(tab)
    tab.page.keyboard.press("Escape")
    expect(tab.at("emoji")).to_have_count(0)

    row.focus()
    row.get_by_test_id("message-reply").click()
    expect(tab.at("compose-banner")).to_be_visible()
    tab.at("composer").fill("By the shed, you say?")
    expect(tab.at("send-button")).to_be_enabled()
    found["reply"] = violations(tab)

    if small:
        tab.at("members-toggle").click()
    expect(tab.at("member").first).to_be_visible()
    tab.at("member-menu").first.click()
    expect(tab.at("make-moderator")).to_be_visible()
    found["member panel"] = violations(tab)

    assert {screen: said for screen, said in found.items() if said} == {}


@SIZES
def test_axe_finds_no_violation_where_nothing_is_yet(
    own_house: House, axe: str, width: int, height: int
) -> None:
    tab = own_house.enter("ann", width=width, height=height, scripts=[axe])
    expect(tab.at("room-list")).to_contain_text("No rooms here yet.")
    assert violations(tab) == []
    tab.at("theme-toggle").click()
    assert violations(tab) == []
