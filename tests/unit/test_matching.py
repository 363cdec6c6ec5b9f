"""Names are found as people type them."""

import pytest

from domain.matching import folded, matches, words_of


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("Lobby", "lobby"), ("Lobby", "LOB"), ("Café Zürich", "cafe zurich"), ("STRASSE", "straße"),
        ("Straße", "STRASSE"), ("Ἀθήνα", "αθηνα"), ("ΟΔΟΣ", "οδος"), ("Łódź", "lodz"),
        ("smørrebrød", "SMORREBROD"), ("İstanbul", "istanbul"), ("Ⅳ ﬁne", "iv fine"),
        ("ｆｕｌｌ", "full"), ("𝐁𝐨𝐥𝐝", "bold"), ("cafe\u0301", "café"), ("日本語の部屋", "部屋"),
        ("two words here", "here two"), ("anything", ""), ("anything", "   "),
    ],
)  # fmt: skip
def test_found(name: str, query: str) -> None:
    assert matches(words_of(query), name)


@pytest.mark.parametrize(
    ("name", "query"), [("Lobby", "lobbies"), ("Lobby", "lobby den"), (None, "x"), ("", "x")]
)
def test_not_found(name: str | None, query: str) -> None:
    assert not matches(words_of(query), name)


def test_words_may_be_in_either_text() -> None:
    assert matches(words_of("ubuntu général"), "ubuntu-de", "General")
    assert matches(words_of("ubuntu"), "ubuntu-de", None)


def test_folding_twice_changes_nothing() -> None:
    every = "".join(map(chr, (*range(32, 0xD800), *range(0xE000, 0x30000))))
    once = {one: folded(one) for one in every}
    assert [one for one, text in once.items() if folded(text) != text] == []
