"""The port under all views: documents by stream and key, a head per stream, and an index.

A projection keeps what it folds of a log in a *stream* of its own (`R#lobby`). The stream has a
*head* (the version that it is folded to, and small fields) and *rows*: documents by key, in the
order of the keys. A row may be listed *under* a name of the one index, which is how rows are found
across streams. Keys, streams and names are ASCII text and sort by code point.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

Document = dict[str, Any]
"""JSON."""

NUMBER = "n"
"""The field of a document that is kept beside it too, where it has one: an integer. It is read and
patched without the rest."""

FIRST, LAST = "!", "~"
"""Below and above every key: keys are printable ASCII and begin with a letter."""

SAME: Final = "#same"
"""For a row that stays under the name that it is under; no name itself."""


class Head(NamedTuple):
    """A stream's head.

    Attributes
    ----------
    version: of the newest event that is folded; 0 where there is none.
    fields: what else the projection keeps there.
    """

    version: int = 0
    fields: Mapping[str, Any] = {}


class Patch(NamedTuple):
    """Sets fields of a row, which is made where there is none; other fields stay.

    The row is listed `under` a name from now on, under none, or stays under the SAME."""

    key: str
    fields: Mapping[str, Any]
    under: str | None = SAME


class Fold(NamedTuple):
    """What a fold leaves in a stream.

    Attributes
    ----------
    rows: rows by key that are written whole; they are under no name.
    numbers: by key of a row that is patched as a rule, its NUMBER.
    patches: of other rows.
    """

    head: Head
    rows: Mapping[str, Document] = {}
    numbers: Mapping[str, int] = {}
    patches: Sequence[Patch] = ()


class Span(NamedTuple):
    """Keys `first <= key <= last` of a stream, at most `limit` of them, the newest where
    `newest` is set; with `listed` only rows that are under a name."""

    stream: str
    first: str = FIRST
    last: str = LAST
    limit: int | None = None
    newest: bool = False
    listed: bool = False


class ViewStore(Protocol):
    """Rows and heads.

    A head is never newer than its stream's rows; these may be newer while a save is under way.
    What is returned is the caller's to change.

    Attributes
    ----------
    spares_rows: whether a row costs so much that a small change is better kept in the head, which
        a save writes anyway.
    """

    @property
    def spares_rows(self) -> bool: ...

    # Reading

    def head(self, stream: str) -> Head: ...

    def heads(self, streams: Sequence[str]) -> dict[str, Head]:
        """Returns the heads that there are."""
        ...

    def row(self, stream: str, key: str) -> Document | None: ...

    def folded(self, stream: str, key: str) -> tuple[Document, int] | None:
        """Returns a row and the version of the newest event that is surely in it."""
        ...

    def rows(self, places: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Document]:
        """Returns rows by (stream, key), those that there are."""
        ...

    def span(self, span: Span) -> list[Document]:
        """Returns rows in the order of their keys, but not NUMBERs that were patched."""
        ...

    def keyed(self, span: Span) -> list[tuple[str, Document]]:
        """Returns what `span` does, with the keys."""
        ...

    def numbers(self, spans: Sequence[Span]) -> list[int | None]:
        """Returns NUMBER of the newest row of each span; None where there is no row."""
        ...

    def under(self, name: str, after: str = "", limit: int | None = None) -> list[str]:
        """Returns the streams above `after` that have a row under a name, in order, at most
        `limit`. A stream may be named whose row was dropped lately: read the row."""
        ...

    # Folding

    def base(self, stream: str) -> Head:
        """Returns the head to fold onto. This process may remember it; `save` then refuses it and
        forgets it where it is old."""
        ...

    def refresh(self, stream: str) -> None:
        """Forgets what this process remembers of a stream."""
        ...

    def save(self, stream: str, expected: int, fold: Fold) -> bool:
        """Keeps a fold.

        False where the stored version is not `expected`. Nothing is kept then but rows of another
        fold of the same log that was faster, which keep what is newest.
        """
        ...

    def reset(self, stream: str) -> None:
        """Drops a stream, to be folded anew."""
        ...

    # Erasing: beside the folds, and may be repeated

    def drop(self, stream: str, first: str = FIRST, last: str = LAST) -> None:
        """Drops the rows of a range of keys; the head stays."""
        ...

    def amend(self, name: str, fields: Mapping[str, Any]) -> None:
        """Sets fields of every row that is under a name, in all generations."""
        ...

    # An operator's

    def every(self) -> Iterator[tuple[str, Head]]:
        """Yields all streams that have a version, by id."""
        ...

    def clear(self) -> None: ...


class Generations(Protocol):
    """Streams that can be folded anew beside those that are read (docs/adr/0013).

    Every row is of a generation; a new generation has a higher number.
    """

    def generation(self, stream: str) -> int:
        """Returns the generation that is read; 0 where none was ever adopted."""
        ...

    def building(self, generation: int) -> ViewStore:
        """Returns the rows of a generation that nobody reads yet; what an earlier fold of the same
        generation left is there."""
        ...

    def begin(self, stream: str, generation: int, now: float) -> None:
        """Notes that rows of the generation are about to be written; `clean` spares it from
        then on for as long as the caller gives it."""
        ...

    def adopt(self, stream: str, generation: int, now: float) -> bool:
        """Has the generation read from now on.

        False, and nothing changed, where the stream that is read is further along: fold on.
        """
        ...

    def clean(self, before: float) -> int:
        """Deletes the rows of generations that were replaced, or begun and never adopted, before
        a time (seconds since the epoch); returns how many rows that were."""
        ...
