"""Client frames: what is let through, and what a refusal says of the rest."""

import json
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.chat.receiving import parse
from domain.errors import Invalid
from domain.protocol import client as wire
from domain.protocol.emoji import known
from domain.protocol.limits import FORBIDDEN, MAX_NAME, MAX_VERSION
from domain.protocol.types import asked_fields
from domain.room.room import ACTIONS

VALID: dict[str, dict[str, Any]] = {
    "sync": {"id": "1", "rooms": {"lobby": 3, "other-room": None}, "user": 0},
    "create_room": {"id": "1", "room": "lobby", "name": "Lobby", "kind": "private"},
    "join": {"id": "1", "room": "lobby", "since": 0},
    "leave": {"id": "1", "room": "lobby"},
    "decline": {"id": "1", "room": "lobby"},
    "add_member": {"id": "1", "room": "lobby", "user": "u_bob", "role": "owner"},
    "remove_member": {"id": "1", "room": "lobby", "user": "u_bob"},
    "set_role": {"id": "1", "room": "lobby", "user": "u_bob", "role": "moderator"},
    "post": {"id": "1", "room": "lobby", "text": "hi", "reply_to": 3, "kind": "action", "since": 9},
    "edit": {"id": "1", "room": "lobby", "version": 3, "text": "ho"},
    "delete": {"id": "1", "room": "lobby", "version": 3},
    "react": {"id": "1", "room": "lobby", "version": 3, "emoji": "👍"},
    "unreact": {"id": "1", "room": "lobby", "version": 3, "emoji": "👍"},
    "read": {"id": "1", "room": "lobby", "version": 3},
    "typing": {"room": "lobby"},
    "ping": {},
}
SAMPLES = {
    "Version": 3,
    "UserId": "u_bob",
    "Role": "member",
    "Text": "hi",
    "Emoji": "👍",
    "line": "",
}
for _action, _command in ACTIONS.items():
    # Actions that are not spelled out above are made from what their commands ask for.
    _asked = {field.name: SAMPLES[field.type] for field in asked_fields(_command)
              if _action not in VALID}  # fmt: skip
    VALID.setdefault(_action, {"id": "1", "room": "lobby", **_asked})
MAY_BE_EMPTY = {
    (action, field.name)
    for action, command in ACTIONS.items()
    for field in asked_fields(command)
    if field.type == "line"
}
OPTIONAL = {"since", "user@sync", "role@add_member", "reply_to", "kind@post"}


def frame(action: str, **changed: Any) -> str:
    return json.dumps({"action": action, **VALID[action], **changed})


def refused(body: str) -> str:
    with pytest.raises(Invalid) as caught:
        parse(body)
    return caught.value.message


@pytest.mark.parametrize("action", VALID)
def test_every_action_is_understood(action: str) -> None:
    found = parse(frame(action))
    assert found.action == action
    for name, value in VALID[action].items():
        assert getattr(found, name) == value


def test_every_action_of_the_protocol_is_tried_here() -> None:
    shapes = wire.client_frame.json_schema()["discriminator"]["mapping"]
    assert set(shapes) == set(VALID)


@pytest.mark.parametrize("action", VALID)
def test_undeclared_fields_are_refused(action: str) -> None:
    assert "extra" in refused(frame(action, extra=1))


@pytest.mark.parametrize(
    ("action", "field"), [(action, field) for action in VALID for field in VALID[action]]
)
def test_fields_are_required_or_not(action: str, field: str) -> None:
    content = {name: value for name, value in VALID[action].items() if name != field}
    body = json.dumps({"action": action, **content})
    if field in OPTIONAL or f"{field}@{action}" in OPTIONAL:
        assert parse(body)
    else:
        assert field in refused(body)


@pytest.mark.parametrize(
    ("action", "field"), [(action, field) for action in VALID for field in VALID[action]]
)
@pytest.mark.parametrize("value", [True, 1.5, [], ["x"], "", -1, 10**40, {"a": "b"}])
def test_types_are_strict(action: str, field: str, value: Any) -> None:
    if value == "" and (action, field) in MAY_BE_EMPTY:
        assert getattr(parse(frame(action, **{field: value})), field) == ""
    else:
        refused(frame(action, **{field: value}))


@pytest.mark.parametrize("value", [1, "1", "3", 3.0, None])
def test_numbers_are_not_read_from_strings_nor_strings_from_numbers(value: Any) -> None:
    if value != 1:
        refused(frame("edit", version=value))
    if value != "1" and value != "3":
        refused(frame("edit", id=value))


@pytest.mark.parametrize("body", [
    "", " ", "{", "null", "1", '"ping"', "[]", '[{"action":"ping"}]', "{}", '{"action":null}',
    '{"action":"shout"}', '{"action":"PING"}', '{"action":["ping"]}', "NaN", "\x00", "\ufeff{}",
    '{"action":"ping"} {"action":"ping"}', "[" * 100_000, '{"a":' * 100_000, "\ud800",
    '{"action":"ping","id":"\ud800"}', '{"action":"post","id":1e999}',
])  # fmt: skip
def test_what_is_no_frame_is_refused(body: str) -> None:
    assert refused(body)


@pytest.mark.parametrize("char", [
    *(chr(point) for point in range(0x20) if chr(point) not in "\n\t"), "\x7f", "\x80", "\x9f",
    "\ufffe", "\uffff", chr(0xD800), chr(0xDFFF),
], ids=ascii)  # fmt: skip
def test_control_characters_and_the_like_are_refused_in_texts(char: str) -> None:
    refused(frame("post", text=f"a{char}b"))
    refused(frame("edit", text=f"a{char}b"))
    refused(frame("create_room", name=f"a{char}b"))
    refused('{"action":"post","id":"1","room":"lobby","text":"a' + char + 'b"}')


@pytest.mark.parametrize(
    "text", ["a\nb\tc", "a\u2028b", "e\u0301", "👩‍👩‍👧", "\U0010fffd", "\u200fא", "a" * 4_000]
)
def test_all_other_text_is_let_through_as_it_is(text: str) -> None:
    assert parse(frame("post", text=text)).text == text


@given(st.text(min_size=1))
def test_a_text_is_kept_or_refused_never_changed(text: str) -> None:
    if FORBIDDEN.search(text) or not text.strip():
        refused(frame("post", text=text))
    else:
        assert parse(frame("post", text=text)).text == text


@pytest.mark.parametrize("text", ["", " ", "\n\t ", "\u2003"])
def test_blank_texts_and_names_are_refused(text: str) -> None:
    refused(frame("post", text=text))
    refused(frame("create_room", name=text))


def test_names_are_one_line_and_trimmed() -> None:
    assert parse(frame("create_room", name=" The  Lobby ")).name == "The  Lobby"
    assert parse(frame("create_room", name="n" * MAX_NAME))
    for name in ("n" * (MAX_NAME + 1), "a\nb", "a\tb"):
        refused(frame("create_room", name=name))


@pytest.mark.parametrize("id", ["a", "!" * 64, "~", "a/b:c", '"\\'])
def test_ids_are_printable_ascii(id: str) -> None:
    assert parse(frame("join", id=id)).id == id


@pytest.mark.parametrize("id", ["", "a" * 65, "a b", "a\n", "\n", "é", "\x7f", None, 1])
def test_other_ids_are_refused(id: Any) -> None:
    assert refused(frame("join", id=id)).startswith("id")


@pytest.mark.parametrize("room", ["", "Lobby", "a_b", "a b", "a" * 65, "lobby\n", "é", "a/b"])
def test_room_ids(room: str) -> None:
    refused(frame("join", room=room))
    refused(frame("sync", rooms={room: None}))


@pytest.mark.parametrize("user", ["", "bob", "u_", "u_Bob", "u_" + "b" * 33, "u_b\n"])
def test_person_ids(user: str) -> None:
    refused(frame("add_member", user=user))


@pytest.mark.parametrize(("field", "values"), [
    ("version", [0, -1, MAX_VERSION + 1]), ("since", [-1, MAX_VERSION + 1]),
])  # fmt: skip
def test_versions_are_what_a_browser_can_hold(field: str, values: list[int]) -> None:
    assert parse(frame("edit", version=MAX_VERSION, since=MAX_VERSION))
    for value in values:
        refused(frame("edit", **{field: value}))


@pytest.mark.parametrize("emoji", [
    "👍", "👍🏽", "❤️", "❤", "🇵🇹", "1️⃣", "1⃣", "#️⃣", "↔️", "‼️", "⁉️", "☕", "👩‍👩‍👧", "👁️‍🗨️", "👁‍🗨", "☃",
    "™", "ℹ️", "🅰️", "🫆", "👩🏻‍❤️‍💋‍👨🏿", "👩🏻‍❤‍💋‍👨🏿", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🏴󠁧󠁢󠁷󠁬󠁳󠁿",
])  # fmt: skip
def test_emoji(emoji: str) -> None:
    assert parse(frame("react", emoji=emoji)).emoji == emoji
    assert parse(frame("unreact", emoji=emoji)).emoji == emoji


def tagged(words: str) -> str:
    """Writes words in tag characters, as a flag of nowhere."""
    return "🏴" + "".join(chr(0xE0000 + ord(char)) for char in words) + "\U000e007f"


NO_EMOJI = {
    "words": "hello", "a letter": "a", "a digit": "7", "blank": " ", "nothing": "",
    "circled letters": "ⓗⓔⓛⓛⓞ", "squared letters": "🅗🅔🅛🅛🅞", "symbols": "∑√", "a symbol": "→→",
    "tags": tagged("hello"), "a region that has no flag": tagged("ustx"),
    "tags alone": "\U000e0068",
    "regional letters": "🇭🇪🇱🇱🇴", "one regional letter": "🇭", "no country": "🇽🇽",
    "two": "👍👍", "an emoji and a letter": "👍a", "a tone": "🏽", "a joiner": "\u200d",
    "a selector": "\ufe0f", "a selector too many": "👍\ufe0f", "text style": "❤\ufe0e",
    "a known name": ":+1:", "a blank before": " 👍", "a blank after": "👍 ", "a line": "👍\n",
    "other letters": "é漢א", "marks": "_-", "a tag": "<b>", "a region cut short": tagged("gb"),
    "joined anyhow": "👍\u200d👍", "too long": "👍" * 17,
}  # fmt: skip


@pytest.mark.parametrize("emoji", NO_EMOJI.values(), ids=NO_EMOJI)
def test_words_are_no_emoji(emoji: str) -> None:
    refused(frame("react", emoji=emoji))


def test_what_an_earlier_release_took_can_be_taken_back() -> None:
    for emoji in ("ⓗⓔⓛⓛⓞ", "∑", tagged("hello")):
        assert parse(frame("unreact", emoji=emoji)).emoji == emoji
    for emoji in ("", "\x07", "👍" * 17):
        refused(frame("unreact", emoji=emoji))


def test_unicodes_list_is_whole() -> None:
    assert len(known()) == 3_944
    assert max(map(len, known())) <= 16
    assert sum("\U000e007f" in one for one in known()) == 3


def test_every_emoji_that_the_web_app_offers_is_one() -> None:
    offered = (Path(__file__).parents[2] / "frontend/src/ui/message/emoji.ts").read_text()
    found = re.findall(r'^  \["([^"]+)", "', offered, re.M)
    assert len(found) > 30
    assert [one for one in found if one not in known()] == []


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), min_size=1, max_size=3))
def test_a_refusal_names_no_value(extra: dict[str, str]) -> None:
    planted = "planted-words"
    message = refused(json.dumps({"action": "post", "id": planted + " ", **extra}))
    assert planted not in message
    assert len(message) < 400
    assert not FORBIDDEN.search(message)
    assert orjson.dumps(message)


def test_a_refusal_is_short_and_printable_whatever_the_clients_keys_are() -> None:
    message = refused(frame("sync", rooms={"<script>\n" + "x" * 30_000: 1}))
    assert len(message) < 400
    assert "<" not in message
    assert "\n" not in message
