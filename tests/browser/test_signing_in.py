"""Signing in on hosted pages, and who may enter how."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.hosted import POOL, Hosted
from tests.browser.tabs import House, Tab
from tests.browser.test_accessibility import AXE, violations

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

REFUSED = r"^Failed to load resource: the server responded with a status of (400|401|403)"
STORED = "JSON.stringify([{...localStorage}, {...sessionStorage}])"


def opened(house: House, name: str, *, guests: bool = True, **options: Any) -> tuple[Tab, Hosted]:
    """Opens the entry screen of a deployment with a hosted sign-in."""
    context = house.context(**options)
    hosted = Hosted(context, house.server, name, guests=guests)
    tab = house.tab(context)
    expect(tab.at("sign-in-button")).to_be_enabled()
    return tab, hosted


def signed_in(tab: Tab) -> None:
    tab.at("sign-in-button").click()
    tab.page.locator("#go-on").click()


def test_in_by_the_hosted_pages_and_out_of_both(house: House) -> None:
    name = house.name("dora")
    tab, hosted = opened(house, name, guests=False)
    expect(tab.at("nickname-input")).to_have_count(0)

    signed_in(tab)
    tab.online()
    assert hosted.asked == ["authorize", "token", "session"]
    assert tab.page.url.removesuffix("#/") == f"{house.server.url}/"
    room = tab.create(house.room_name())
    tab.send("hello")
    tab.settled(1)

    # Parley's token alone is kept.
    stored = tab.page.evaluate(STORED)
    assert tab.person().token in stored
    for secret in ("eyJ", "id_token", "verifier", "nonce"):
        assert secret not in stored
    tab.page.reload()
    expect(tab.message("hello")).to_be_visible()
    assert hosted.asked == ["authorize", "token", "session"]
    assert tab.page.url.endswith(f"#/{room}")

    token = tab.person().token
    tab.at("logout-button").click()
    expect(tab.page).to_have_title("Signed out")
    assert hosted.asked[3:] == ["logout"]
    house.allow(REFUSED)
    tab.page.locator("#go-on").click()
    expect(tab.at("sign-in-button")).to_be_enabled()
    status = tab.page.evaluate(
        "token => fetch('/api/session', {headers: {Authorization: `Bearer ${token}`}})"
        ".then((answer) => answer.status)",
        token,
    )
    assert status == 401


def test_a_room_is_come_back_to_and_the_nickname_goes_along(house: House) -> None:
    _, other, room = house.pair()
    other.log_out()
    tab, hosted = opened(house, house.name("dora"))
    tab.go(room)
    tab.at("nickname-input").fill(" Dodo ")
    signed_in(tab)
    expect(tab.at("join-button")).to_be_visible()
    assert hosted.nicknames == ["Dodo"]


def test_a_guest_enters_beside_it_and_leaves_without_the_hosted_pages(house: House) -> None:
    tab, hosted = opened(house, house.name("dora"))
    tab.enter(house.name("guest"))
    tab.log_out()
    expect(tab.at("nickname-input")).to_be_visible()
    assert hosted.asked == []


UNCONFIRMED = "confirm your e-mail address first, then sign in again"
"""What functions/claims.py answers."""


@pytest.mark.parametrize(
    ("answer", "refusal", "words"),
    [
        ({"error": "access_denied"}, None, "The sign-in was cancelled."),
        ({"code": "code-9"}, None, "The sign-in took too long or was used before."),
        ({"code": "c", "state": "forged"}, None, "This sign-in did not start in this tab."),
        (None, (401, {"message": "Unauthorized"}), "The sign-in was not accepted."),
        (
            None,
            (403, {"error": {"code": "forbidden", "message": UNCONFIRMED}}),
            "Confirm your e-mail address first, then sign in again.",
        ),
    ],
    ids=["cancelled", "used", "forged", "not-accepted", "not-confirmed"],
)
def test_what_went_wrong_is_said_and_can_be_tried_again(
    house: House,
    answer: dict[str, str] | None,
    refusal: tuple[int, Any] | None,
    words: str,
) -> None:
    house.allow(REFUSED)
    tab, hosted = opened(house, house.name("dora"), guests=False)
    hosted.answer, hosted.refusal = answer, refusal
    signed_in(tab)
    expect(tab.at("sign-in-note")).to_contain_text(words)
    assert "session" not in hosted.asked or refusal
    assert tab.page.evaluate(STORED) == "[{},{}]"

    hosted.answer, hosted.refusal = None, None
    signed_in(tab)
    tab.online()


def test_an_address_with_somebody_elses_code_signs_nobody_in(house: House) -> None:
    tab, hosted = opened(house, house.name("dora"))
    tab.page.goto("/callback?code=theirs&state=theirs")
    expect(tab.at("sign-in-note")).to_contain_text("not start in this tab")
    assert tab.page.url == f"{house.server.url}/"
    assert hosted.asked == []


def test_the_browsers_back_button_brings_back_a_screen_that_works(house: House) -> None:
    tab, _ = opened(house, house.name("dora"))
    tab.at("sign-in-button").click()
    expect(tab.page).to_have_title("Sign in")
    assert tab.page.url.startswith(POOL)
    tab.page.go_back()
    expect(tab.at("sign-in-button")).to_be_enabled()
    signed_in(tab)
    tab.online()


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: cd frontend && npm ci")
@pytest.mark.parametrize("guests", [True, False], ids=["guests", "no-guests"])
def test_axe_finds_no_violation(house: House, guests: bool) -> None:
    for size in ({"width": 1280, "theme": "light"}, {"width": 390, "theme": "dark"}):
        options: dict[str, Any] = {**size, "scripts": [AXE.read_text()]}
        tab, hosted = opened(house, house.name("dora"), guests=guests, **options)
        assert violations(tab) == []
        hosted.answer = {"error": "access_denied"}
        signed_in(tab)
        expect(tab.at("sign-in-note")).not_to_be_empty()
        assert violations(tab) == []


def test_a_file_that_is_wrong_is_said(house: House) -> None:
    context = house.context()
    context.route("**/config.json", lambda route: route.fulfill(json={"guests": False}))
    tab = house.tab(context)
    expect(tab.page.get_by_role("alert")).to_have_text(
        "config.json: without guests there must be cognito."
    )
