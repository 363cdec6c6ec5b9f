"""The port under all views: documents by stream and key, a head per stream, and an index.

The folds of a log are stored in its own *stream* (`R#lobby`). The stream has a *head* (the version
up to which it is folded, and small fields) and *rows*: documents by key, in the order of the keys.
A row may be listed *under* a name of the index, so that rows can be found across streams. Keys,
streams and names are ASCII text and sort by code point.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

Document = dict[str, Any]
"""JSON."""

NUMBER = "n"
"""An integer field that is also stored separately from its document, so that it can be read and
patched without the rest."""

FIRST, LAST = "!", "~"
"""Values below and above every key: keys are printable ASCII and begin with a letter."""

SAME: Final = "#same"
"""Marks a row that stays under its current name; it is not a name itself."""


class Head(NamedTuple):
    """A stream's head.

    Attributes
    ----------
    version: version of the newest folded event; 0 if there is none.
    fields: other values that the projection keeps there.
    """

    version: int = 0
    fields: Mapping[str, Any] = {}


class Patch(NamedTuple):
    """Sets fields of a row, and creates the row if there is none; other fields stay.

    From now on the row is listed `under` a name, under none, or stays under the SAME."""

    key: str
    fields: Mapping[str, Any]
    under: str | None = SAME


class Fold(NamedTuple):
    """The result of a fold, to be saved in a stream.

    A row may be in several of these: it is written as a whole first, then its number, then its
    patches in order. A patch changes a row in the same way whether it was written as a whole or by
    patches. Fields may have any name.

    Attributes
    ----------
    rows: rows that are written as a whole, by key. Nothing stays of an earlier row, and the row is
        under no name, until a patch names one.
    numbers: the NUMBER of rows that are normally patched, by key.
    patches: patches of other rows.
    """

    head: Head
    rows: Mapping[str, Document] = {}
    numbers: Mapping[str, int] = {}
    patches: Sequence[Patch] = ()


class Span(NamedTuple):
    """Keys `first <= key <= last` of a stream, at most `limit` of them, the newest ones if `newest`
    is set; with `listed` only rows that are under a name."""

    stream: str
    first: str = FIRST
    last: str = LAST
    limit: int | None = None
    newest: bool = False
    listed: bool = False


class ViewStore(Protocol):
    """Rows and heads.

    A head is never newer than its stream's rows; these may be newer during a save. The caller may
    change returned values.

    Attributes
    ----------
    spares_rows: whether a row costs so much that small changes are kept in the head, which a save
        writes anyway.
    """

    @property
    def spares_rows(self) -> bool: ...

    # Reading

    def head(self, stream: str) -> Head: ...

    def heads(self, streams: Sequence[str]) -> dict[str, Head]:
        """Returns the heads that exist."""
        ...

    def row(self, stream: str, key: str) -> Document | None: ...

    def folded(self, stream: str, key: str) -> tuple[Document, int] | None:
        """Returns a row and the version up to which events are certainly in it."""
        ...

    def rows(self, places: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Document]:
        """Returns existing rows by (stream, key)."""
        ...

    def span(self, span: Span) -> list[Document]:
        """Returns rows in the order of their keys, without patched NUMBERs."""
        ...

    def keyed(self, span: Span) -> list[tuple[str, Document]]:
        """Returns the same as `span`, with the keys."""
        ...

    def numbers(self, spans: Sequence[Span]) -> list[int | None]:
        """Returns NUMBER of the newest row of each span; None if there is no row."""
        ...

    def under(self, name: str, after: str = "", limit: int | None = None) -> list[str]:
        """Returns the streams above `after` that have a row under a name, in order, at most
        `limit`. The result may contain a stream whose row was dropped recently: read the row."""
        ...

    # Folding

    def base(self, stream: str) -> Head:
        """Returns the head to fold onto. It may be cached; if it is old, `save` refuses it and
        drops it from the cache."""
        ...

    def refresh(self, stream: str) -> None:
        """Drops this process's cache of a stream."""
        ...

    def save(self, stream: str, expected: int, fold: Fold) -> bool:
        """Saves a fold.

        Returns False if the stored version is not `expected`: then it discards the fold, except
        that rows of a faster fold of the same log keep their newest values.
        """
        ...

    def reset(self, stream: str) -> None:
        """Drops a stream, so that it is folded again."""
        ...

    # Erasing: independent of the folds, and may be repeated

    def drop(self, stream: str, first: str = FIRST, last: str = LAST) -> None:
        """Drops the rows of a range of keys; the head stays."""
        ...

    def amend(self, name: str, fields: Mapping[str, Any]) -> None:
        """Sets fields of every row that is listed under a name, in all generations."""
        ...

    # For operators

    def every(self) -> Iterator[tuple[str, Head]]:
        """Yields all streams that have a version, by id."""
        ...

    def clear(self) -> None: ...


class Generations(Protocol):
    """Streams that can be rebuilt next to those that are read (docs/adr/0013).

    Every row belongs to a generation; a new generation has a higher number.
    """

    def generation(self, stream: str) -> int:
        """Returns the generation that is read; 0 if none was ever adopted."""
        ...

    def building(self, generation: int) -> ViewStore:
        """Returns the rows of a generation that is not read yet, including rows that an earlier
        fold of the same generation left."""
        ...

    def begin(self, stream: str, generation: int, now: float) -> None:
        """Records that rows of the generation will be written; from then on, `clean` keeps it for
        as long as the caller specifies."""
        ...

    def adopt(self, stream: str, generation: int, now: float) -> bool:
        """Makes readers use the generation from now on.

        Returns False and changes nothing if the stream that is read is ahead: continue folding.
        """
        ...

    def clean(self, before: float) -> int:
        """Deletes the rows of generations that were replaced, or begun and never adopted, before a
        time (seconds since the epoch); returns the number of rows."""
        ...
