"""Pictures of the web app with a conversation in it: `python -m tests.browser.screenshots DIR`."""

import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import expect, sync_playwright

from tests.browser.hosted import Hosted
from tests.browser.rooms import Talk
from tests.browser.tabs import CHROMIUM_ARGUMENTS, House, Tab, chromium_path
from tests.server.harness import Person, Server

ROOM = "reading-circle"
DESK: dict[str, Any] = {"width": 1280, "height": 800}
HAND: dict[str, Any] = {"width": 390, "height": 844}


def furnish(server: Server) -> Person:
    """Fills rooms with people who talk; returns the one whose screens are shown."""
    ines, tomas, wren, okoro, mia = (
        server.enter(name) for name in ("Inês", "Tomás", "Wren", "Okoro", "Mia Lindqvist")
    )
    for room, name, owner, kind, said in (
        ("announcements", "Announcements", okoro, "broadcast", "The hall is ours until ten."),
        ("kitchen", "Kitchen", mia, "public", "Soup is on the stove, bowls are on you."),
        ("trip-to-porto-4nq7vkx2mzd5", "Trip to Porto", ines, "private", "Tickets are booked!"),
    ):
        talk = Talk(room, owner, *(() if owner is ines else (ines,)))
        talk.create(owner, name, kind)
        if owner is not ines:
            talk.join(ines)
        talk.post(owner, said)
    Talk("chess", wren).create(wren, "Chess at noon")

    talk = Talk(ROOM, ines, tomas, wren, okoro, mia)
    talk.create(ines, "Reading circle")
    talk.join(tomas, wren, okoro, mia)
    talk.listen(tomas, wren, mia)
    talk.do(ines, "set_role", user=wren.id, role="moderator")
    talk.post(ines, "Good morning, everybody. The draft of chapter three is up:")
    draft = talk.post(ines, "https://example.org/drafts/chapter-3")
    talk.post(tomas, "Reading it now.")
    talk.post(wren, "Me too, with coffee.")
    slow = talk.post(
        wren,
        "One thing on page two: the letter arrives before anybody could have written it. "
        "Perhaps she finds it in spring instead? Everything after that could stay as it is.",
    )
    fix = talk.post(ines, "You are right, and it is an easy change.", reply_to=slow)
    talk.post(ines, "Spring it is.")
    for person in (tomas, okoro, mia):
        talk.do(person, "react", version=draft, emoji="\N{HEAVY BLACK HEART}\ufe0f")
    for person in (wren, tomas):
        talk.do(person, "react", version=fix, emoji="\N{THUMBS UP SIGN}")
    talk.do(mia, "react", version=fix, emoji="\N{PARTY POPPER}")
    talk.post(okoro, "has printed it for the train", kind="action")
    talk.post(
        mia,
        "For those who asked, this counts words:\n```\nfind drafts -name '*.md' | xargs wc -w\n```",
    )
    typo = talk.post(tomas, "Thirsday at seven, then?")
    talk.do(tomas, "edit", version=typo, text="Thursday at seven, then?")
    oops = talk.post(okoro, "wrong room, sorry")
    talk.do(okoro, "delete", version=oops)
    talk.post(wren, "Thursday is good.", reply_to=typo)
    newest = talk.post(mia, "\N{HOT BEVERAGE}\ufe0f\N{BOOKS}")
    talk.do(ines, "read", version=newest)
    kitchen = Talk("kitchen", mia)
    for said in ("Who took the big pot?", "Found it."):
        kitchen.post(mia, said)
    return ines


def ready(tab: Tab, room: str | None = ROOM) -> Tab:
    tab.online()
    tab.go(room)
    if room is not None:
        expect(tab.at("message").last).to_be_in_viewport()
        expect(tab.at("composer")).to_be_visible()
    return tab


def keep(tab: Tab, folder: Path, name: str) -> None:
    # Fonts, the older page and the list's measuring come to rest.
    tab.page.wait_for_timeout(400)
    tab.page.screenshot(path=folder / f"{name}.png")
    print(folder / f"{name}.png")


def take_entries(house: House, folder: Path) -> None:
    """The entry screen where there is a hosted sign-in, beside guests and alone."""
    for name, guests in (("sign-in-or-guest", True), ("sign-in", False)):
        for shape, options in (
            ("light", {**DESK, "theme": "light"}),
            ("dark", {**DESK, "theme": "dark"}),
            ("phone", {**HAND, "touch": True}),
        ):
            context = house.context(**options)
            hosted = Hosted(context, house.server, "Dora", guests=guests)
            tab = house.tab(context)
            keep(tab, folder, f"{name}-{shape}")
        hosted.answer = {"error": "access_denied"}
        tab.at("sign-in-button").click()
        tab.page.locator("#go-on").click()
        expect(tab.at("sign-in-note")).to_contain_text("cancelled")
        keep(tab, folder, f"{name}-refused")


def take(house: House, ines: Person, folder: Path) -> None:
    for theme in ("light", "dark"):
        keep(house.tab(theme=theme, **DESK), folder, f"entry-{theme}")
        keep(ready(house.tab(theme=theme, person=ines, **DESK)), folder, f"room-{theme}")
    desk = ready(house.tab(person=ines, **DESK))
    desk.message("Thursday is good.").hover()
    keep(desk, folder, "room-hover")
    desk.act("Thursday is good.", "react")
    keep(desk, folder, "room-emoji")
    desk.page.keyboard.press("Escape")
    desk.at("create-room-button").click()
    desk.at("room-name-input").fill("Poems, mostly")
    keep(desk, folder, "create-room")
    keep(ready(house.tab(person=ines, **DESK), None), folder, "empty")

    phone: dict[str, Any] = {**HAND, "touch": True, "person": ines}
    keep(house.tab(**HAND, touch=True), folder, "phone-entry")
    keep(ready(house.tab(**phone), None), folder, "phone-list")
    hand = ready(house.tab(**phone))
    keep(hand, folder, "phone-room")
    hand.at("members-toggle").click()
    keep(hand, folder, "phone-members")
    keep(ready(house.tab(**{**phone, "theme": "dark"})), folder, "phone-room-dark")


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as data,
        Server(Path(data) / "data") as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=chromium_path(), headless=True, args=CHROMIUM_ARGUMENTS
        )
        house = House(browser, server)
        take_entries(house, folder)
        take(house, furnish(server), folder)
        for problem in house.close():
            print(f"problem: {problem}", file=sys.stderr)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
