"""Finds names as people type them: ignores case, accents and the width of letters."""

import re
import unicodedata
from collections.abc import Iterable

_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe"})
"""Letters that Unicode does not decompose into a plain one and a mark."""


_WORD = re.compile(r"\w+")


def folded(text: str) -> str:
    """Returns a text for comparing: lower case, compatibility forms, no combining marks."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(one for one in decomposed if not unicodedata.combining(one))
    # Compatibility forms may contain capitals, as in mathematical letters.
    return plain.casefold().translate(_PLAIN)


def words_of(text: str) -> list[str]:
    """Returns the words of a text, folded, each once: consecutive letters, digits and marks; other
    signs only if there is nothing else between spaces."""
    pieces = folded(text).split()
    return list(dict.fromkeys(w for piece in pieces for w in (_WORD.findall(piece) or [piece])))


def parts_of(text: str) -> list[str]:
    """Returns the places in a text where a searched word may begin: its words and, in scripts
    without spaces, the rest after each letter."""
    found = dict.fromkeys(words_of(text))
    for word in list(found):
        found |= dict.fromkeys(word[i:] for i, letter in enumerate(word) if unspaced(letter))
    return list(found)


def unspaced(letter: str) -> bool:
    """Han, Kana, Hangul; Thai, Lao, Tibetan, Myanmar and Khmer."""
    wide = unicodedata.east_asian_width(letter) in "WF"
    return wide or "\u0e00" <= letter <= "\u109f" or "\u1780" <= letter <= "\u17ff"


def matches(words: Iterable[str], *texts: str | None) -> bool:
    """Returns whether each word (of `words_of`) is the beginning of one of a text's words."""
    found = [part for text in texts if text for part in parts_of(text)]
    return all(any(part.startswith(word) for part in found) for word in words)
