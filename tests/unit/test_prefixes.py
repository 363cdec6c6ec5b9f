"""Names in scripts without spaces are found from any letter on, however long they are."""

import random
import unicodedata

import pytest

from domain.matching import matches, words_of
from domain.projections.directory import MOST
from domain.projections.people import MOST as MOST_OF_PERSON
from domain.projections.prefixes import looked_up, prefixes_of
from tests.support.chat import Someone, memory_chat, person, run_consumers

LONGEST, NICKNAME = 80, 32
random.seed(3)
HAN = "".join(random.sample([chr(0x4E00 + i) for i in range(15_000)], LONGEST))
HANGUL = "".join(random.sample([chr(0xAC00 + i) for i in range(11_172)], LONGEST))
KANA = "".join(random.choices([chr(0x3042 + i) for i in range(80)], k=LONGEST))
THAI = ("ภาษาไทยสวัสดีครับยินดีต้อนรับสู่ห้องสนทนาของเราทุกคนเชิญคุยกันได้เลย" * 2)[:LONGEST]
MIXED = "東京Rockクラブ한국어 2024年" + HAN[:60]
NAMES = {"han": HAN, "hangul": HANGUL, "kana": KANA, "thai": THAI, "mixed": MIXED}


def queries(name: str) -> list[str]:
    """Returns what begins at any letter of a name and is of any length up to 12."""
    return [
        name[at : at + length]
        for at in range(len(name))
        for length in (1, 2, 3, 4, 6, 12)
        # A mark at the beginning belongs to the letter before it.
        if not unicodedata.combining(name[at]) and name[at : at + length].strip()
    ]


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_whatever_matches_a_name_is_in_the_index(name: str) -> None:
    indexed = set(prefixes_of(name)[:MOST])
    found = 0
    for query in queries(name):
        words = words_of(query)
        if matches(words, name):
            assert set(looked_up(words)) <= indexed, query
            found += 1
    assert found > 200


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_the_bounds_leave_nothing_out(name: str) -> None:
    # The id of a room has prefixes too, at most 64.
    assert len(prefixes_of(name)) + 64 <= MOST
    assert len(prefixes_of(name[:NICKNAME])) <= MOST_OF_PERSON


def test_words_of_other_scripts_are_indexed_as_before() -> None:
    assert prefixes_of("Gardeners of Öland") == [
        "garden", "of", "oland", "garde", "gard", "olan", "gar", "ola", "ga", "ol", "g", "o",
    ]  # fmt: skip
    assert looked_up(["gardeners", "of"]) == ["garden", "of"]


@pytest.fixture(scope="module")
def bob() -> Someone:
    chat = memory_chat()
    ann, bob = person(chat, "ann"), person(chat, "bob")
    for room, name in NAMES.items():
        assert ann.send(action="create_room", room=room, name=name, kind="public")
    run_consumers(chat)
    return bob


@pytest.mark.parametrize("room", NAMES)
def test_the_directory_finds_a_long_name_by_a_short_query(bob: Someone, room: str) -> None:
    name = NAMES[room]
    for at in range(0, len(name) - 8, 9):
        while unicodedata.combining(name[at]) or not words_of(name[at : at + 1]):
            at += 1
        for length in (1, 2, 3, 6):
            query = name[at : at + length]
            if matches(words_of(query), name):
                found = bob.chat.listing.directory("u_bob", query, None, 50)["rooms"]
                assert room in [one["room"] for one in found], query
