"""People at a browser: tabs, what they do in them, and what must never happen in any.

Over 300 lines: houses, tabs and rows know each other, and every browser test drives all three.
"""

import json
import os
import re
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    WebError,
    WebSocket,
    expect,
)

from tests.server.harness import Person, Server, until

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--force-color-profile=srgb",
]


def chromium_path() -> str | None:
    """Where Chromium is; None where it is not."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium")


TALL = 3_200
"""Pixels of a window in which all messages of a short room are in the DOM."""

Theme = Literal["light", "dark"]

# Into the console, where everything bad is collected.
_TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
});
"""

NETWORK = re.compile(r"^(Failed to load resource: net::|WebSocket connection to '[^']*' failed)")
"""What Chromium itself says of a server that is away."""

_ROWS = """
() => [...document.querySelectorAll('[data-testid="message"]')].map((row) => ({
  version: Number(row.dataset.version ?? 0),
  state: row.dataset.state,
  text: row.querySelector('[data-testid="message-text"]')?.textContent ?? "",
}))
"""


# Resolves once the list stood still for a while: a key scrolls it smoothly.
_STILL = """() => new Promise((done) => {
  const list = document.querySelector('[data-testid="message-list"]');
  let [top, frames] = [list.scrollTop, 0];
  const look = () => {
    frames = list.scrollTop === top ? frames + 1 : 0;
    top = list.scrollTop;
    if (frames > 20) done(top);
    else requestAnimationFrame(look);
  };
  look();
})"""


@dataclass(frozen=True)
class Row:
    """A message as the page shows it; `version` is 0 until the server gave it one."""

    version: int
    state: str
    text: str


class House:
    """The browser contexts of one test; it fails where the console or the CSP complained."""

    def __init__(self, browser: Browser, server: Server) -> None:
        self._browser = browser
        self.server = server
        self._mark = secrets.token_hex(3)
        self._contexts: list[BrowserContext] = []
        self._problems: list[str] = []
        self._allowed: list[re.Pattern[str]] = []
        self._rooms = 0

    def allow(self, pattern: str | re.Pattern[str]) -> None:
        """Lets the console say this, from now on."""
        self._allowed.append(re.compile(pattern))

    def name(self, name: str) -> str:
        """A nickname that no other test takes."""
        return f"{name} {self._mark}"

    def room_name(self) -> str:
        self._rooms += 1
        return f"Room {self._mark} {self._rooms}"

    def context(
        self,
        *,
        width: int = 1280,
        height: int = 800,
        theme: Theme = "light",
        url: str | None = None,
        person: Person | None = None,
        scripts: Sequence[str] = (),
        touch: bool = False,
    ) -> BrowserContext:
        """Opens a browser of one's own; with `person`, their session is there already."""
        storage: Any = {"cookies": [], "origins": []}
        if person is not None:
            session = {"token": person.token, "user": {"id": person.id, "name": person.name}}
            entry = {"name": "parley.session", "value": json.dumps(session)}
            origin = {"origin": url or self.server.url, "localStorage": [entry]}
            storage["origins"].append(origin)
        context = self._browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=theme,
            reduced_motion="reduce",
            base_url=url or self.server.url,
            storage_state=storage,
            has_touch=touch,
            locale="en-GB",
            timezone_id="UTC",
        )
        self._contexts.append(context)
        context.on("console", self._heard)
        context.on("weberror", self._failed)
        for script in (_TELL_VIOLATIONS, *scripts):
            context.add_init_script(script)
        return context

    def tab(self, context: BrowserContext | None = None, **options: Any) -> "Tab":
        """Opens the web app; `options` are those of `context`."""
        page = (context or self.context(**options)).new_page()
        tab = Tab(page, self.server)
        page.goto("/")
        return tab

    def enter(self, name: str, **options: Any) -> "Tab":
        """Opens the web app and enters it by its form."""
        tab = self.tab(**options)
        tab.enter(self.name(name))
        return tab

    def pair(self, *, url: str | None = None, height: int = TALL) -> tuple["Tab", "Tab", str]:
        """Ann creates a room by the dialog, Bob joins it; returns both and the room's id."""
        ann = self.enter("ann", height=height, url=url)
        room = ann.create(self.room_name())
        bob = self.enter("bob", height=height, url=url)
        bob.go(room)
        bob.at("join-button").click()
        expect(bob.at("composer")).to_be_visible()
        return ann, bob, room

    def close(self) -> list[str]:
        """Closes all; returns what was complained about."""
        contexts, self._contexts = self._contexts, []
        for context in contexts:
            for page in context.pages:
                # Gives events that are on their way the time to come in.
                try:
                    page.evaluate("0")
                except Error as error:
                    self._problems.append(f"a page is gone: {error}")
            context.close()
        return [
            problem
            for problem in self._problems
            if not any(pattern.search(problem) for pattern in self._allowed)
        ]

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._problems.append(message.text)

    def _failed(self, error: WebError) -> None:
        self._problems.append(f"uncaught: {error.error}")


class Tab:
    """One page with the web app in it."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page = page
        self.server = server
        self.frames: list[dict[str, Any]] = []
        page.on("websocket", self._watch)

    def _watch(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: self.frames.append(json.loads(frame)))

    def at(self, testid: str) -> Locator:
        return self.page.get_by_test_id(testid)

    def enter(self, name: str) -> None:
        self.at("nickname-input").fill(name)
        self.at("enter-button").click()
        self.online()

    def log_out(self) -> None:
        """Logs a guest out, who is asked first."""
        self.at("logout-button").click()
        self.at("logout-confirm").click()

    def online(self) -> None:
        expect(self.at("connection-state")).to_have_attribute("data-state", "online")

    def person(self) -> Person:
        """The page's person, to ask the server with."""
        session = json.loads(self.page.evaluate("localStorage.getItem('parley.session')"))
        user = session["user"]
        return Person(self.server, session["token"], user["id"], user["name"])

    def create(self, name: str, kind: str = "public") -> str:
        """Creates a room by the dialog; returns its id."""
        self.at("create-room-button").click()
        self.at("room-name-input").fill(name)
        self.at(f"room-kind-{kind}").click()
        room = self.at("room-id-input").input_value()
        self.at("create-room-submit").click()
        expect(self.at("composer")).to_be_visible()
        return room

    def go(self, room: str | None) -> None:
        self.page.evaluate("room => { location.hash = room ? `#/${room}` : '#/' }", room)

    def item(self, room: str) -> Locator:
        """The room's line in the list."""
        return self.page.locator(f'[data-testid="room-item"][data-room="{room}"]')

    def send(self, *texts: str) -> None:
        for text in texts:
            self.at("composer").fill(text)
            self.at("composer").press("Enter")

    def message(self, text: str) -> Locator:
        """The row of the message with exactly this text."""
        own = self.page.get_by_test_id("message-text").filter(
            has_text=re.compile(rf"^{re.escape(text)}(edited)?$")
        )
        return self.at("message").filter(has=own)

    def act(self, text: str, action: str) -> None:
        """Presses one of a message's buttons."""
        row = self.message(text)
        row.hover()
        row.get_by_test_id(f"message-{action}").click()

    def rows(self) -> list[Row]:
        return [Row(**row) for row in self.page.evaluate(_ROWS)]

    def settled(self, count: int) -> None:
        """Waits until so many messages are shown, all of them acknowledged."""
        expect(self.page.locator('[data-testid="message"][data-state="sent"]')).to_have_count(count)
        expect(self.at("message")).to_have_count(count)

    def sent(self, text: str) -> None:
        """Waits until the page has handed a text to its socket."""

        def handed() -> bool:
            # Has Playwright tell what happened meanwhile.
            self.page.evaluate("0")
            return bool(self.posts(text))

        until(handed)

    def still(self) -> float:
        """Waits until the list of messages has come to rest; returns where it is scrolled to."""
        top: float = self.page.evaluate(_STILL)
        return top

    def posts(self, text: str) -> list[dict[str, Any]]:
        """The frames by which this text was sent."""
        return [
            frame for frame in self.frames if frame["action"] == "post" and frame["text"] == text
        ]


def agree(room: str, texts: Sequence[str], *tabs: Tab) -> None:
    """Each text is in the log once, and the pages show just the log, in its order."""
    for tab in tabs:
        tab.settled(len(texts))
    person = tabs[0].person()
    told = person.get(f"/api/rooms/{room}/messages?limit=1000")["messages"]
    assert sorted(message["text"] for message in told) == sorted(texts)
    logged = [(message["version"], message["text"]) for message in told]
    assert logged == sorted(logged)
    for tab in tabs:
        assert [(row.version, row.text) for row in tab.rows()] == logged
