"""Frames that are not as they should be: each gets its error or its close code, and nobody
else notices.

Over 300 lines: most of it is one table of frames and the answer that each gets.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from domain.protocol.limits import MAX_FRAME
from domain.protocol.server import server_frame
from tests.server.harness import Party, Person, Server
from tests.server.raw import BINARY, CLOSE, END, PING, PONG, TEXT, RawSocket, frame

ROOM = "the-room-of-the-test"
"""The room that all of this module's people are in."""


@dataclass(frozen=True)
class Error:
    """The frame is answered with this code, and this id where that could be read."""

    code: str = "invalid"
    id: str | None = "i"


@dataclass(frozen=True)
class Ack:
    """There is nothing wrong with the frame."""

    id: str = "i"


@dataclass(frozen=True)
class Close:
    """The frame ends the connection with one of these codes."""

    codes: tuple[int, ...]


Expected = Error | Ack | Close


def post(**fields: Any) -> bytes:
    """Returns a `post` with fields changed; those that are `...` are left out."""
    whole = {"action": "post", "id": "i", "room": ROOM, "text": "hello", **fields}
    kept = {name: value for name, value in whole.items() if value is not ...}
    return json.dumps(kept).encode()


def act(action: str, **fields: Any) -> bytes:
    return json.dumps({"action": action, "id": "i", "room": ROOM, **fields}).encode()


def padded(size: int) -> bytes:
    """Returns a `post` of exactly so many bytes."""
    body = post()
    return body + b" " * (size - len(body))


def spelled(value: str) -> bytes:
    """Returns a `post` whose text stands in the JSON exactly so."""
    return post(text="@@").replace(b'"@@"', value.encode("utf-8", "surrogatepass"))


TEXTS: dict[str, tuple[bytes, Expected]] = {
    # Not JSON, or not an object
    "nothing": (b"", Error(id=None)),
    "blanks": (b" \n\t ", Error(id=None)),
    "words": (b"hello there", Error(id=None)),
    "half an object": (post()[:-1], Error(id=None)),
    "something after": (post() + b"x", Error(id=None)),
    "two objects": (post() + post(), Error(id=None)),
    "single quotes": (post().replace(b'"', b"'"), Error(id=None)),
    "a comment": (post() + b"// hi", Error(id=None)),
    "a trailing comma": (post()[:-1] + b",}", Error(id=None)),
    "a byte order mark": (b"\xef\xbb\xbf" + post(), Error(id=None)),
    "null": (b"null", Error(id=None)),
    "a number": (b"42", Error(id=None)),
    "true": (b"true", Error(id=None)),
    "a string": (b'"post"', Error(id=None)),
    "an empty array": (b"[]", Error(id=None)),
    "an array of frames": (b"[" + post() + b"]", Error(id=None)),
    "an empty object": (b"{}", Error(id=None)),
    "a raw newline in a string": (spelled('"a\nb"'), Error(id=None)),
    "a raw zero in a string": (spelled('"a\x00b"'), Error(id=None)),
    "a bad escape": (spelled('"\\q"'), Error(id=None)),
    "deep arrays": (b"[" * 16_000, Error(id=None)),
    "deep and whole arrays": (b"[" * 16_000 + b"]" * 16_000, Error(id=None)),
    "deep objects": (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, Error(id=None)),
    "a deep field": (spelled("[" * 5_000 + "]" * 5_000), Error(id=None)),
    # Action and id
    "no action": (b'{"id":"i"}', Error()),
    "an unknown action": (act("dance"), Error()),
    "an action of a server": (act("ack", version=1), Error()),
    "an action in capitals": (act("POST", text="x"), Error()),
    "an action with a space": (act("post ", text="x"), Error()),
    "a number for the action": (b'{"action":1,"id":"i"}', Error()),
    "null for the action": (b'{"action":null,"id":"i"}', Error()),
    "a list for the action": (b'{"action":["post"],"id":"i"}', Error()),
    "no id": (post(id=...), Error(id=None)),
    "null for the id": (post(id=None), Error(id=None)),
    "a number for the id": (post(id=7), Error(id=None)),
    "an empty id": (post(id=""), Error(id=None)),
    "an id with a space": (post(id="a b"), Error(id=None)),
    "an id with a newline": (post(id="i\n"), Error(id=None)),
    "an id of 65": (post(id="i" * 65), Error(id=None)),
    "an id that is not ASCII": (post(id="ï"), Error(id=None)),
    "an object for the id": (post(id={"$ne": ""}), Error(id=None)),
    "an id of 64 signs": (post(id="<\"'&>" + "~" * 59), Ack(id="<\"'&>" + "~" * 59)),
    # Fields
    "no room": (post(room=...), Error()),
    "no text": (post(text=...), Error()),
    "an extra field": (post(extra=1), Error()),
    "a prototype": (post(__proto__={"admin": True}), Error()),
    "an extra key of 20 KB": (post(**{"k" * 20_000: 1}), Error()),
    "an extra key of signs": (post(**{"<img src=x>\x1b[31m\n": 1}), Error()),
    "by somebody else": (post(by="u_somebodyelse"), Error()),
    "a number for the text": (post(text=7), Error()),
    "null for the text": (post(text=None), Error()),
    "an object for the text": (post(text={"$gt": ""}), Error()),
    "an empty room": (post(room=""), Error()),
    "a room in capitals": (post(room="General"), Error()),
    "a room of 65": (post(room="r" * 65), Error()),
    "a room with a newline": (post(room=ROOM + "\n"), Error()),
    "a room with a path": (post(room="../../etc/passwd"), Error()),
    "a room with markup": (post(room="<script>"), Error()),
    "a person for a room": (post(room="u_4k2j7q9x3m5pa"), Error()),
    "a room with SQL": (post(room="a';drop table stored_events;--"), Error()),
    "an unknown kind": (post(kind="shout"), Error()),
    "a reply to nothing": (post(reply_to=999_999), Error("not_found")),
    "a reply to a string": (post(reply_to="1"), Error()),
    "a room that is not": (post(room="no-such-room-here"), Error("not_found")),
    "a kind of room that is not": (act("create_room", name="x", kind="secret"), Error()),
    "a room's name of 81": (act("create_room", name="x" * 81, kind="public"), Error()),
    "a room's name of two lines": (act("create_room", name="a\nb", kind="public"), Error()),
    "a blank room's name": (act("create_room", name=" ", kind="public"), Error()),
    "a person that is none": (act("add_member", user="admin"), Error()),
    "a person that is nobody": (act("add_member", user="u_nobody"), Error("not_found")),
    "a role that is none": (act("set_role", user="u_nobody", role="god"), Error()),
    # Numbers
    "since below zero": (post(since=-1), Error()),
    "since a string": (post(since="3"), Error()),
    "since true": (post(since=True), Error()),
    "since a float": (post(since=1.5), Error()),
    "since a whole float": (post(since=1.0), Error()),
    "since 2^53": (post(since=2**53), Error()),
    "since of 5,000 digits": (post(since="@").replace(b'"@"', b"9" * 5_000), Error(id=None)),
    "a version of zero": (act("delete", version=0), Error()),
    "a version of 1e3": (act("delete", version="@").replace(b'"@"', b"1e3"), Error()),
    "a version of 1e999": (act("delete", version="@").replace(b'"@"', b"1e999"), Error(id=None)),
    "NaN": (act("delete", version=float("nan")), Error(id=None)),
    "Infinity": (act("delete", version=float("inf")), Error(id=None)),
    "a number with a zero before": (
        act("delete", version="@").replace(b'"@"', b"01"),
        Error(id=None),
    ),
    # Keys twice: the last one counts, as in JavaScript.
    "an id twice": (post(id="i")[:-1] + b',"id":"j"}', Ack("j")),
    "a text twice": (post()[:-1] + b',"text":""}', Error()),
    # Characters
    "a control character": (post(text="a\x00b"), Error()),
    "an escape character": (post(text="\x1b[2J"), Error()),
    "a carriage return": (post(text="a\r\nb"), Error()),
    "a delete character": (post(text="a\x7f"), Error()),
    "a C1 character": (post(text="a\x85b"), Error()),
    # The JSON itself cannot be read: nor can the id.
    "half a pair": (spelled('"\\ud800"'), Error(id=None)),
    "the other half of a pair": (spelled('"\\udc00 a"'), Error(id=None)),
    "halves in the wrong order": (spelled('"\\udc00\\ud800"'), Error(id=None)),
    "U+FFFE escaped": (spelled('"\\ufffe"'), Error()),
    "U+FFFF escaped": (spelled('"\\uffff"'), Error()),
    "U+FFFE": (spelled('"\ufffe"'), Error()),
    "U+FFFF": (spelled('"\uffff"'), Error()),
    "newline and tab": (post(text="a\n\tb"), Ack()),
    "markup": (post(text="<script>alert(1)</script><img src=x onerror=alert(2)>"), Ack()),
    "a pair": (spelled('"\\ud83d\\ude00"'), Ack()),
    # Texts and emoji
    "an empty text": (post(text=""), Error()),
    "a blank text": (post(text=" \n\t\u3000\u2003 "), Error()),
    "4,001 code points": (post(text="a" * 4_001), Error("too_large")),
    "4,001 code points of four bytes": (
        post(text="@").replace(b"@", "🚀".encode() * 4_001),
        Error("too_large"),
    ),
    "4,000 code points": (post(text="a" * 4_000), Ack()),
    "an edit of 4,001": (act("edit", version=6, text="a" * 4_001), Error("too_large")),
    "an empty emoji": (act("react", version=6, emoji=""), Error()),
    "a letter for an emoji": (act("react", version=6, emoji="a"), Error()),
    "a digit for an emoji": (act("react", version=6, emoji="1"), Error()),
    "words with an emoji": (act("react", version=6, emoji="👍 yes"), Error()),
    "markup for an emoji": (act("react", version=6, emoji="<b>👍</b>"), Error()),
    "a joiner for an emoji": (act("react", version=6, emoji="\u200d"), Error()),
    "a tower of marks": (act("react", version=6, emoji="👍" + "\u0300" * 15), Error()),
    "seventeen emoji": (act("react", version=6, emoji="👍" * 17), Error()),
    "a surrogate for an emoji": (
        act("react", version=6, emoji="@").replace(b"@", b"\\ud83d"),
        Error(id=None),
    ),
    "a number for an emoji": (act("react", version=6, emoji=128077), Error()),
    # sync
    "sync without rooms": (b'{"action":"sync","id":"i"}', Error()),
    "sync of a list": (b'{"action":"sync","id":"i","rooms":["a"]}', Error()),
    "sync of null": (b'{"action":"sync","id":"i","rooms":null}', Error()),
    "sync of a bad room": (b'{"action":"sync","id":"i","rooms":{"A B":1}}', Error()),
    "sync of a bad version": (b'{"action":"sync","id":"i","rooms":{"a":"1"}}', Error()),
    "sync of a version below": (b'{"action":"sync","id":"i","rooms":{"a":-1}}', Error()),
    "sync of a bad own version": (b'{"action":"sync","id":"i","rooms":{},"user":-1}', Error()),
    "typing without a room": (b'{"action":"typing"}', Error(id=None)),
    "ping with more": (b'{"action":"ping","id":"i","room":"a"}', Error()),
    # Size
    "exactly 32 KB": (padded(MAX_FRAME), Ack()),
    "a byte over 32 KB": (padded(MAX_FRAME + 1), Close((1009,))),
    "33 KB": (b"x" * 33 * 1024, Close((1009,))),
    "a megabyte": (b"x" * 1024 * 1024, Close((1009,))),
    # Bytes that are no UTF-8
    "bytes FF FE": (b"\xff\xfe", Close((1007,))),
    "UTF-16": (post().decode().encode("utf-16"), Close((1007,))),
    "Latin-1": (post(text="@").replace(b"@", "é".encode("latin-1")), Close((1007,))),
    "half a character": (post(text="@").replace(b"@", b"\xf0\x9f\x9a"), Close((1007,))),
    "an overlong slash": (post(text="@").replace(b"@", b"\xc0\xaf"), Close((1007,))),
    "an encoded surrogate": (post(text="@").replace(b"@", b"\xed\xa0\x80"), Close((1007,))),
    "beyond Unicode": (post(text="@").replace(b"@", b"\xf4\x90\x80\x80"), Close((1007,))),
}

WHOLE = post()
SPLIT = post(text="@").replace(b"@", "a🚀b".encode())
ROCKET = SPLIT.index("🚀".encode()) + 2

BYTES: dict[str, tuple[list[bytes], Expected]] = {
    "binary": ([frame(WHOLE, BINARY)], Close((1003,))),
    "empty binary": ([frame(b"", BINARY)], Close((1003,))),
    "binary in fragments": (
        [frame(b"ab", BINARY, fin=False), frame(b"c", 0)],
        Close((1003,)),
    ),
    "unmasked": ([frame(WHOLE, masked=False)], Close((1002,))),
    "first reserved bit": ([frame(WHOLE, reserved=4)], Close((1002,))),
    "second reserved bit": ([frame(WHOLE, reserved=2)], Close((1002,))),
    "third reserved bit": ([frame(WHOLE, reserved=1)], Close((1002,))),
    "an opcode for data to come": ([frame(WHOLE, 3)], Close((1002,))),
    "an opcode for control to come": ([frame(b"", 11)], Close((1002,))),
    "a continuation of nothing": ([frame(WHOLE, 0)], Close((1002,))),
    "a text inside a text": ([frame(WHOLE[:5], fin=False), frame(WHOLE)], Close((1002,))),
    "a ping in fragments": ([frame(b"hi", PING, fin=False)], Close((1002,))),
    "a ping of 126 bytes": ([frame(b"x" * 126, PING)], Close((1002,))),
    "a pong of 32 KB": ([frame(b"x" * MAX_FRAME, PONG)], Close((1002,))),
    "a close of one byte": ([frame(b"\x03", CLOSE)], Close((1002,))),
    "a close of code 999": ([frame(b"\x03\xe7", CLOSE)], Close((1002,))),
    "a close of code 1006": ([frame(b"\x03\xee", CLOSE)], Close((1002,))),
    "a close that is not UTF-8": ([frame(b"\x03\xe8\xff", CLOSE)], Close((1002, 1007))),
    "a close of 126 bytes": ([frame(b"\x03\xe8" + b"x" * 124, CLOSE)], Close((1002,))),
    "a good close": ([frame(b"\x03\xe8bye", CLOSE)], Close((1000,))),
    "a petabyte to come": ([frame(b"x", length=2**50)], Close((1009,))),
    "a length with the highest bit": ([frame(b"x", length=2**63)], Close((1002, 1009))),
    "fragments over 32 KB": (
        [frame(b" " * 20_000, fin=False), frame(b" " * 20_000, 0, fin=False)],
        Close((1009,)),
    ),
    "many fragments over 32 KB": (
        [frame(b" " * 100, 1 if not i else 0, fin=False) for i in range(400)],
        Close((1009,)),
    ),
    "fragments": (
        [frame(WHOLE[:9], fin=False), frame(WHOLE[9:20], 0, fin=False), frame(WHOLE[20:], 0)],
        Ack(),
    ),
    "fragments inside a character": (
        [frame(SPLIT[:ROCKET], fin=False), frame(SPLIT[ROCKET:], 0)],
        Ack(),
    ),
    "fragments of a byte": (
        [frame(WHOLE[:1], fin=False)]
        + [frame(WHOLE[i : i + 1], 0, fin=False) for i in range(1, len(WHOLE))]
        + [frame(b"", 0)],
        Ack(),
    ),
    "fragments of nothing": (
        [frame(b"", fin=False)] + [frame(b"", 0, fin=False)] * 500 + [frame(WHOLE, 0)],
        Ack(),
    ),
    "fragments that are not UTF-8": (
        [frame(b'{"a":"', fin=False), frame(b'\xff"}', 0)],
        Close((1007,)),
    ),
    "fragments of exactly 32 KB": (
        [frame(padded(MAX_FRAME)[:30_000], fin=False), frame(padded(MAX_FRAME)[30_000:], 0)],
        Ack(),
    ),
    "a frame byte by byte": ([bytes([byte]) for byte in frame(WHOLE)], Ack()),
    "nonsense for a frame": ([bytes(range(256)) * 8], Close((1002,))),
    "HTTP for a frame": ([b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"], Close((1002,))),
}


class Table:
    """People in one room, all of whom must be well after each bad frame."""

    def __init__(self, party: Party) -> None:
        self._party = party
        self.server = party.server
        self.bad = party.enter("bad")
        owner, self.speaker, self.hearer = [
            person.connect() for person in (self.bad, party.enter("b"), party.enter("c"))
        ]
        owner.ok("create_room", room=ROOM, name="Room", kind="public")
        for tab in (self.speaker, self.hearer):
            tab.ok("join", room=ROOM)
            tab.sync({ROOM: None})
        assert self.speaker.ok("post", room=ROOM, text="a message of somebody else") == 5
        owner.ok("post", room=ROOM, text="a message of one's own")

    def speaker_of(self, expected: Expected) -> Person:
        """Returns who sends a frame: somebody new where it is accepted, so that its id is too."""
        if not isinstance(expected, Ack):
            return self.bad
        person = self._party.enter("good")
        person.connect().ok("join", room=ROOM)
        return person

    def well(self) -> None:
        """Has one member post and another hear of it."""
        before = len(self.server.faults)
        version = self.speaker.ok("post", room=ROOM, text="still here")
        assert self.hearer.event(ROOM, version)["data"]["text"] == "still here"
        self.hearer.so_far()
        self.speaker.so_far()
        assert self.server.faults[before:] == []


@pytest.fixture(scope="session")
def table(server: Server) -> Iterator[Table]:
    party = Party(server)
    yield Table(party)
    party.close()


def expect(socket: RawSocket, expected: Expected) -> None:
    """Reads what the frame is answered with; where the connection must live, it does."""
    if isinstance(expected, Close):
        while (found := socket.read()).opcode not in (CLOSE, END.opcode):
            pass
        assert found.code in expected.codes, found
        assert socket.read() == END
        return
    told: dict[str, Any] = {"type": "user"}
    while told["type"] == "user":  # of having joined, a moment ago
        found = socket.read()
        assert found.opcode == TEXT, found
        server_frame.validate_json(found.payload)
        told = json.loads(found.payload)
    if isinstance(expected, Ack):
        assert (told["type"], told["id"]) == ("ack", expected.id), told
    else:
        answer = (told["type"], told["code"], told.get("id"))
        assert answer == ("error", expected.code, expected.id), told
        assert len(found.payload) < 1_000
        assert all(char.isprintable() for char in told["message"]), told
    socket.send(frame(b'{"action":"ping"}'))
    while (found := socket.read()).payload != b'{"type":"pong"}':
        assert found.payload.startswith(b'{"type":"user"'), found


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_frame(table: Table, name: str) -> None:
    payload, expected = TEXTS[name]
    with RawSocket(table.speaker_of(expected).ticket()) as socket:
        socket.send(frame(payload))
        expect(socket, expected)
    table.well()


@pytest.mark.parametrize("name", BYTES)
def test_bytes_on_the_wire(table: Table, name: str) -> None:
    pieces, expected = BYTES[name]
    with RawSocket(table.speaker_of(expected).ticket()) as socket:
        for piece in pieces:
            socket.send(piece)
        expect(socket, expected)
    table.well()


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "xyzzy"},
        {"action": "post", "id": "i", "room": "xyzzy!", "text": "x"},
        {"action": "post", "id": "i", "room": ROOM, "text": "xyzzy\x00"},
        {"action": "post", "id": "i", "room": ROOM, "text": "x", "kind": "xyzzy"},
        {"action": "post", "id": "xyzzy xyzzy", "room": ROOM, "text": "x"},
        {"action": "react", "id": "i", "room": ROOM, "version": 6, "emoji": "xyzzy"},
    ],
)
def test_an_error_does_not_repeat_a_value(table: Table, fields: dict[str, Any]) -> None:
    with RawSocket(table.bad.ticket()) as socket:
        socket.send(frame(json.dumps(fields).encode()))
        told = json.loads(socket.read().payload)
    assert told["code"] == "invalid"
    assert "xyzzy" not in told["message"]
