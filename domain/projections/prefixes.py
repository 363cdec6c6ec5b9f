"""Indexes of blinded beginnings of words, and searches in them.

A row of a stream is listed under a beginning of up to PREFIX letters of one of its words, blinded
under the installation's key: names are sealed under a person's key, and an index in plain words
would keep them after that key is destroyed
(docs/adr/0020-the-directory-indexes-blinded-prefixes.md).
"""

from collections.abc import Iterator, Sequence

from domain.matching import parts_of
from domain.projections.store import ViewStore

PREFIX = 6
"""Number of letters of a word that are indexed; further letters are compared with the names
themselves."""

WORDS = 4
"""Number of words of a query that are looked up in the index (the longest ones); names are compared
with all of them.
"""


def prefixes_of(text: str) -> list[str]:
    """Returns the indexed prefixes of a text, whole words first."""
    words = parts_of(text)
    cut = [word[:length] for length in range(PREFIX, 0, -1) for word in words]
    return list(dict.fromkeys(cut))


def looked_up(words: Sequence[str]) -> list[str]:
    """Returns the beginnings to look up in the index: those of a query's longest words."""
    return [word[:PREFIX] for word in sorted(words, key=len, reverse=True)[:WORDS]]


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
