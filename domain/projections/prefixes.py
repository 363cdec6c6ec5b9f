"""Indexes of blinded beginnings of words, and searches in them.

A row of a stream is listed under a beginning of up to PREFIX letters of one of its words, blinded
under the installation's key: names are sealed under a person's key, and an index in plain words
would keep them after that key is destroyed
(docs/adr/0020-the-directory-indexes-blinded-prefixes.md).
"""

from collections.abc import Iterator, Sequence

from domain.matching import parts_of, unspaced
from domain.projections.store import ViewStore

PREFIX = 6
"""Number of letters of a word that are indexed; further letters are compared with the names
themselves."""

UNSPACED, HANGUL = (1, 2), (1, 2, 4)
"""Numbers of letters that are indexed of a place that begins with a letter of a script without
spaces. A name of 80 such letters has at most 180 prefixes, all of which are stored."""

WORDS = 4
"""Number of words of a query that are looked up in the index (the longest ones); names are compared
with all of them.
"""


def _lengths(word: str) -> Sequence[int]:
    """Returns how many letters of a place in a text are indexed. In scripts without spaces nearly
    each letter begins such a place, and two letters tell as much as six elsewhere; a syllable of
    Hangul is two or three letters here."""
    if not unspaced(word[0]):
        return range(1, PREFIX + 1)
    return HANGUL if "\u1100" <= word[0] <= "\u11ff" else UNSPACED


def prefixes_of(text: str) -> list[str]:
    """Returns the prefixes of a text that are indexed, whole words first."""
    words = [(word, _lengths(word)) for word in parts_of(text)]
    cut = [word[:n] for n in range(PREFIX, 0, -1) for word, lengths in words if n in lengths]
    return list(dict.fromkeys(cut))


def looked_up(words: Sequence[str]) -> list[str]:
    """Returns the prefixes that the index is asked for, of the longest words of a query."""
    longest = sorted(words, key=len, reverse=True)[:WORDS]
    return [word[: max(n for n in _lengths(word) if n <= len(word))] for word in longest]


def common(
    store: ViewStore, names: Sequence[str], place: str, chunk: int
) -> Iterator[tuple[list[str], str | None]]:
    """Yields the streams above `place` that are under all the names, in order, page by page; each
    page with the stream up to which it searched, None at the end.

    A page reads at most `chunk` entries of the index per name.
    """
    while True:
        found = [store.under(name, place, chunk) for name in names]
        # Entries after the end of a full page are not known yet.
        ends = [page[-1] for page in found if len(page) == chunk]
        place = min(ends, default="~")
        both = set(found[0]).intersection(*found[1:])
        yield [stream for stream in sorted(both) if stream <= place], place if ends else None
        if not ends:
            return
