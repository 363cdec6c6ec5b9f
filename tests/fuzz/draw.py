"""Seeded choices. Two draws of one seed choose the same; what the server answers can change
which rooms and versions there are to choose of, and nothing else."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from domain.protocol.limits import MAX_FRAME, MAX_VERSION

EMOJI = ("👍", "🎉", "❤️", "🇩🇪", "👩‍👩‍👧‍👦", "1️⃣", "Ⓐ", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "‼️", "👍🏽", "🫠", "✈︎")
ROLES = ("owner", "moderator", "member")
KINDS = ("public", "private", "broadcast")
ACTIONS = (
    "sync", "create_room", "join", "leave", "add_member", "remove_member", "set_role", "post",
    "edit", "delete", "react", "unreact", "read", "typing", "ping",
)  # fmt: skip
WORDS = ("hello", "where", "@f1", '@"f 2"', "@everyone", "https://example.org/a?b=c", "naïve", "🚀")


@dataclass(frozen=True)
class Known:
    """What there is to choose of.

    Attributes
    ----------
    rooms: ids with their heads as the fuzzer knows them.
    people: ids of people.
    """

    rooms: dict[str, int]
    people: list[str]
    limit: int = 40
    """Rooms that may be made in all: memory must end where it began."""


class Draw:
    """Chooses frames, calls and logs."""

    def __init__(self, seed: str, known: Known) -> None:
        self.dice = random.Random(seed)
        self._known = known
        self._ids: list[str] = []

    def maybe(self, chance: float) -> bool:
        return self.dice.random() < chance

    # Values

    def room(self) -> str:
        odd = ("no-such-room", "a", "z" * 64, "talk")
        if self.maybe(0.07):
            return self.dice.choice(odd)
        if self.maybe(0.05):
            return f"made-{self.dice.randrange(self._known.limit)}"
        return self.dice.choice(list(self._known.rooms))

    def person(self) -> str:
        if self.maybe(0.06):
            return self.dice.choice(("u_nobody", "u_", "me", "u_" + "a" * 32, "U_X"))
        return self.dice.choice(self._known.people)

    def version(self, room: str) -> int:
        head = self._known.rooms.get(room, 5)
        if self.maybe(0.1):
            return self.dice.choice((0, 1, head + 1, MAX_VERSION, MAX_VERSION + 1, -1, 2**63))
        if self.maybe(0.3):
            return max(1, head - self.dice.randrange(50))
        return self.dice.randint(1, max(1, head))

    def since(self, room: str) -> int | None:
        head = self._known.rooms.get(room, 5)
        choices: tuple[int | None, ...] = (None, 0, 0, 1, head // 2, head - 1, head, head + 1)
        chosen = self.dice.choice(choices)
        return None if chosen is None else max(0, chosen)

    def id(self) -> str:
        if self._ids and self.maybe(0.15):
            return self.dice.choice(self._ids)
        if self.maybe(0.03):
            return self.dice.choice(("", "a b", "~" * 64, "~" * 65, "ï", "'\"<>"))
        made = f"f-{self.dice.getrandbits(48):x}"
        self._ids = [*self._ids[-50:], made]
        return made

    def text(self) -> str:
        if self.maybe(0.05):
            return self.dice.choice(("", " ", "a" * 4_000, "🚀" * 4_001, "\x00", "a\nb", "@" * 900))
        if self.maybe(0.05):
            return " ".join(f"@f{number}" for number in range(self.dice.randrange(600)))
        return " ".join(self.dice.choices(WORDS, k=self.dice.randint(1, 12)))

    def junk(self) -> Any:
        return self.dice.choice(
            (None, True, -1, 1.5, 2**70, "", "x" * 500, [], {}, [[]], {"a": {"b": []}}, "\ud800")
        )

    # Frames

    def sync(self) -> dict[str, Any]:
        count = self.dice.choice((0, 1, 1, 2, 5, 30, 400))
        rooms = {}
        for number in range(count):
            room = self.room() if number < 12 else f"nowhere-{number}"
            rooms[room] = self.since(room)
        frame: dict[str, Any] = {"rooms": rooms}
        if self.maybe(0.5):
            frame["user"] = self.dice.choice((0, 1, 10**6))
        return frame

    def fields(self, action: str) -> dict[str, Any]:
        """Returns an action's own fields, as the protocol has them for the most part."""
        if action == "sync":
            return self.sync()
        if action == "ping":
            return {}
        room = self.room()
        if action == "create_room":
            room = f"made-{self.dice.randrange(self._known.limit)}"
            return {"room": room, "name": self.text()[:80], "kind": self.dice.choice(KINDS)}
        more: dict[str, Callable[[], dict[str, Any]]] = {
            "add_member": lambda: {"user": self.person(), "role": self.dice.choice(ROLES)},
            "remove_member": lambda: {"user": self.person()},
            "set_role": lambda: {"user": self.person(), "role": self.dice.choice(ROLES)},
            "post": lambda: self._post(room),
            "edit": lambda: {"version": self.version(room), "text": self.text()},
            "delete": lambda: {"version": self.version(room)},
            "react": lambda: {"version": self.version(room), "emoji": self.emoji()},
            "unreact": lambda: {"version": self.version(room), "emoji": self.emoji()},
            "read": lambda: {"version": self.version(room)},
        }
        frame: dict[str, Any] = {"room": room, **more.get(action, dict)()}
        if action != "typing" and self.maybe(0.6):
            since = self.since(room)
            if since is not None:
                frame["since"] = since
        return frame

    def _post(self, room: str) -> dict[str, Any]:
        frame: dict[str, Any] = {"text": self.text()}
        if self.maybe(0.2):
            frame["reply_to"] = self.version(room)
        if self.maybe(0.1):
            frame["kind"] = self.dice.choice(("text", "action", "shout"))
        return frame

    def emoji(self) -> str:
        if self.maybe(0.1):
            return self.dice.choice(("a", "👍" * 17, "", "\u200d", "So", "\U000e0041"))
        return self.dice.choice(EMOJI)

    def frame(self) -> bytes:
        """Returns a frame: five in six as the protocol has them."""
        action = self.dice.choice(ACTIONS)
        whole: dict[str, Any] = {"action": action, "id": self.id(), **self.fields(action)}
        if self.maybe(1 / 6):
            return self.spoil(whole)
        return json.dumps(whole).encode()

    def spoil(self, whole: dict[str, Any]) -> bytes:
        """Returns the frame with one thing wrong."""
        how = self.dice.randrange(9)
        names = list(whole)
        if how == 0:
            del whole[self.dice.choice(names)]
        elif how == 1:
            whole[self.dice.choice(names)] = self.junk()
        elif how == 2:
            whole[self.dice.choice(("extra", "__proto__", "k" * 9_000, "by"))] = self.junk()
        elif how == 3:
            depth = self.dice.choice((100, 1_000, 5_000))
            return b'{"action":"post","id":"d","text":' + b"[" * depth + b"]" * depth + b"}"
        elif how == 4:
            depth = self.dice.choice((100, 3_000))
            return b'{"a":' * depth + b"1" + b"}" * depth
        body = json.dumps(whole).encode()
        if how == 5:
            return body[: self.dice.randrange(len(body))]
        if how == 6:
            return body + b" " * (MAX_FRAME - len(body))
        if how == 7:
            return b"9" * self.dice.choice((5_000, 30_000))
        if how == 8:
            place = self.dice.randrange(len(body))
            # Stays UTF-8: what is not closes the socket, which test_bad_frames has.
            return body[:place] + bytes([self.dice.randrange(128)]) + body[place + 1 :]
        return body

    # HTTP

    def call(self) -> tuple[str, bytes, bytes]:
        """Returns method, path with query, and body."""
        room = self.room()
        base = f"/api/rooms/{room}"
        path = self.dice.choice(
            (
                "/api/session", "/api/tickets", "/api/rooms", "/api/openapi.json", "/healthz",
                "/api/directory", "/api/session/cognito", "/api/nothing", "/", "/index.html",
                f"{base}/messages", f"{base}/messages", f"{base}/events", f"{base}/events",
                f"{base}/members", base, f"/api/rooms//{room}/events", "/api/rooms/%2e%2e/events",
                "/api/rooms/A B/messages", "/ws", "/assets/../../x", "/api/rooms/" + "r" * 3_000,
            )
        )  # fmt: skip
        method = self.dice.choice(
            ("GET",) * 12 + ("POST", "POST", "PUT", "PATCH", "HEAD", "X" * 30)
        )
        if path == "/api/session" and method == "GET" and self.maybe(0.1):
            method = "POST"
        query = self.query(room)
        encoded = path.encode("utf-8", "replace").replace(b" ", b"%20")
        body = self.body() if method in ("POST", "PUT", "PATCH") else b""
        return method, encoded + (b"?" + query if query else b""), body

    def query(self, room: str) -> bytes:
        if self.maybe(0.2):
            return b""
        value: Callable[[], str] = lambda: str(  # noqa: E731
            self.dice.choice(
                (0, 1, 50, 1_000, 1_001, -1, 2**53, 2**64, 10**40, "x", "", "1e3", "%00", "%ff")
            )
            if self.maybe(0.4)
            else self.version(room)
        )
        names = self.dice.choices(
            ("before", "after", "limit", "cursor", "q", "limit", "x" * 300, "%ff"), k=3
        )
        return "&".join(f"{name}={value()}" for name in names).encode()

    def body(self) -> bytes:
        # Nicknames are of a few: memory must end where it began.
        nickname = self.dice.choice(("f0", "x" * 40, "", "guest 1", "guest 2", "\u202eabc", "f1"))
        return self.dice.choice(
            (
                json.dumps({"nickname": nickname}).encode(),
                json.dumps({"nickname": self.junk()}).encode(),
                json.dumps([nickname]).encode(),
                b'{"a":' * 2_000,
                b"\xff\xfe",
                b"x" * 70_000,
                b"{" + b" " * 60_000 + b"}",
                b"null",
            )
        )

    # Logs

    def log(self) -> tuple[str, bytes, bytes]:
        """Returns a log's name, its content and that of its replies; much of it broken."""
        hour = self.dice.randrange(24)
        name = f"2011-{self.dice.randint(1, 12):02}-{self.dice.randint(1, 28):02}_{hour:02}"
        if self.maybe(0.1):
            name = self.dice.choice(("no-date", "2011-13-45_99", "2011-02-30", "-"))
        lines = [self.line(hour) for _ in range(self.dice.choice((0, 1, 20, 200)))]
        content = b"\n".join(lines)
        if self.maybe(0.2):
            content = content[: self.dice.randrange(len(content) + 1)]
        replies = b"\n".join(
            b"%d %d -" % (self.dice.randrange(220) + 1000, self.dice.randrange(220) + 1000)
            for _ in range(self.dice.choice((0, 0, 30)))
        )
        if self.maybe(0.2):
            replies += b"\n\xff\n1\n-1 99999999999999999999 -\nx y z"
        return f"{name}.log.txt", content, replies

    def line(self, hour: int) -> bytes:
        nick = f"nick{self.dice.randrange(12)}"
        time = f"[{hour:02}:{self.dice.randrange(60):02}]"
        return self.dice.choice(
            (
                f"{time} <{nick}> {self.text()}",
                f"{time} <{nick}> {self.text()}",
                f"{time} <{nick}> nick{self.dice.randrange(12)}: hello",
                f"{time}  * {nick} waves",
                f"=== {nick} [~x@host] has joined #here",
                f"=== {nick} [~x@host] has left #here []",
                f"=== {nick} [~x@host] has quit [Quit: bye]",
                f"=== {nick} is now known as nick{self.dice.randrange(12)}",
                f"[99:99] <{nick}> when?",
                f"{time} <{'n' * 400}> long",
                f"{time} <> nobody",
                "=== is now known as",
                "\x00\x01\x02",
                f"{time} <{nick}> " + "w" * 9_000,
                "",
            )
        ).encode("utf-8", "replace") + (b"\xff\xfe" if self.maybe(0.03) else b"")
