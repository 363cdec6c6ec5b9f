"""Finding names as people type them: without regard to case, accents or the width of letters."""

import unicodedata
from collections.abc import Iterable

_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe"})
"""Letters that Unicode does not decompose into a plain one and a mark."""


def folded(text: str) -> str:
    """Returns a text for comparing: lower case, compatibility forms, no combining marks."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(one for one in decomposed if not unicodedata.combining(one))
    # Compatibility forms may bring capitals, as in mathematical letters.
    return plain.casefold().translate(_PLAIN)


def words_of(query: str) -> list[str]:
    """Returns what a query asks for, folded, each word once."""
    return list(dict.fromkeys(folded(query).split()))


def matches(words: Iterable[str], *texts: str | None) -> bool:
    """Returns whether each word (of `words_of`) is in one of the texts."""
    found = [folded(text) for text in texts if text]
    return all(any(word in text for text in found) for word in words)
