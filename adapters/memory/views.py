"""The rows of all views in dicts."""

import copy
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

from domain.projections.store import (
    FIRST,
    LAST,
    NUMBER,
    SAME,
    Document,
    Fold,
    Head,
    Patch,
    Span,
)


@dataclass
class _Stream:
    head: Head = field(default_factory=Head)
    rows: dict[str, Document] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    """The rows' keys, in order."""
    listed: dict[str, str] = field(default_factory=dict)
    """By key, the name that a row is under."""

    def put(self, key: str, document: Document) -> None:
        if key not in self.rows:
            insort(self.keys, key)
        self.rows[key] = document

    def between(self, first: str, last: str) -> list[str]:
        return self.keys[bisect_left(self.keys, first) : bisect_right(self.keys, last)]


class MemoryStore:
    """Implements the ViewStore port. Values are copied on write and read, as with a database."""

    spares_rows = False

    def __init__(self) -> None:
        self._streams: dict[str, _Stream] = {}
        self._lock = RLock()

    def head(self, stream: str) -> Head:
        found = self._streams.get(stream)
        return _copied(found.head) if found else Head()

    def heads(self, streams: Sequence[str]) -> dict[str, Head]:
        return {s: _copied(self._streams[s].head) for s in streams if s in self._streams}

    def row(self, stream: str, key: str) -> Document | None:
        found = self._streams.get(stream)
        return copy.deepcopy(found.rows.get(key)) if found else None

    def folded(self, stream: str, key: str) -> tuple[Document, int] | None:
        with self._lock:
            row = self.row(stream, key)
            return None if row is None else (row, self._streams[stream].head.version)

    def rows(self, places: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Document]:
        found = {place: self.row(*place) for place in places}
        return {place: row for place, row in found.items() if row is not None}

    def span(self, span: Span) -> list[Document]:
        return [row for _, row in self.keyed(span)]

    def keyed(self, span: Span) -> list[tuple[str, Document]]:
        found = self._streams.get(span.stream)
        if found is None:
            return []
        with self._lock:
            keys = found.between(span.first, span.last)
            if span.listed:
                keys = [key for key in keys if key in found.listed]
            if span.limit is not None:
                keys = keys[max(0, len(keys) - span.limit) :] if span.newest else keys[: span.limit]
            return [(key, copy.deepcopy(found.rows[key])) for key in keys]

    def numbers(self, spans: Sequence[Span]) -> list[int | None]:
        found = [self.span(span._replace(limit=1, newest=True)) for span in spans]
        return [rows[0].get(NUMBER) if rows else None for rows in found]

    def under(self, name: str, after: str = "", limit: int | None = None) -> list[str]:
        with self._lock:
            found = sorted(
                stream
                for stream, kept in self._streams.items()
                if stream > after and name in kept.listed.values()
            )
        return found[:limit]

    def base(self, stream: str) -> Head:
        return self.head(stream)

    def refresh(self, stream: str) -> None:
        """Nothing is cached."""

    def save(self, stream: str, expected: int, fold: Fold) -> bool:
        with self._lock:
            if self.head(stream).version != expected:
                return False
            kept = self._streams.setdefault(stream, _Stream())
            kept.head = _copied(fold.head)
            for key, document in fold.rows.items():
                kept.put(key, copy.deepcopy(dict(document)))
                kept.listed.pop(key, None)
            numbers = [Patch(key, {NUMBER: number}) for key, number in fold.numbers.items()]
            for patch in (*numbers, *fold.patches):
                document = {**kept.rows.get(patch.key, {}), **patch.fields}
                kept.put(patch.key, copy.deepcopy(document))
                if patch.under is None:
                    kept.listed.pop(patch.key, None)
                elif patch.under != SAME:
                    kept.listed[patch.key] = patch.under
            return True

    def replace(self, stream: str, key: str, document: Mapping[str, Any]) -> None:
        """Replaces a row's document, outside the folds."""
        with self._lock:
            self._streams[stream].rows[key] = copy.deepcopy(dict(document))

    def reset(self, stream: str) -> None:
        self._streams.pop(stream, None)

    def drop(self, stream: str, first: str = FIRST, last: str = LAST) -> None:
        found = self._streams.get(stream)
        if found is None:
            return
        with self._lock:
            for key in found.between(first, last):
                found.keys.remove(key)
                del found.rows[key]
                found.listed.pop(key, None)

    def amend(self, name: str, fields: Mapping[str, Any]) -> None:
        with self._lock:
            for kept in self._streams.values():
                for key, listed in kept.listed.items():
                    if listed == name:
                        kept.rows[key].update(fields)

    def every(self) -> Iterator[tuple[str, Head]]:
        for stream, kept in sorted(self._streams.items()):
            if kept.head.version:
                yield stream, _copied(kept.head)

    def clear(self) -> None:
        self._streams.clear()


def _copied(head: Head) -> Head:
    return Head(head.version, copy.deepcopy(dict(head.fields)))
