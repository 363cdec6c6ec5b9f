"""Heads of view streams: the generation that is read, and the version that its fold reached.

The head of a live stream, for example `R#room`, is in that partition, its rows are in
`R#room#generation`. The head of a generation that is being built is stored with that generation's
rows.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.dynamodb.rows import field_of, sets_of, stored_name
from adapters.dynamodb.table import ConditionFailed, Item, Table
from domain.projections import store

HEAD = "head"
HEADS = frozenset({"pk", "sk", "generation", "version"})
"""The adapter's own attributes of a head."""
REMEMBERED = 10_000
"""Number of streams whose head a process caches."""

GENERATION_LIFE = 60.0
"""Seconds for which a cached generation is used; its rows are kept much longer."""


@dataclass(frozen=True, slots=True)
class Head:
    """A stream's head.

    Attributes
    ----------
    fields: other values that the fold keeps there.
    """

    generation: int
    version: int
    fields: Mapping[str, Any]

    def shown(self) -> store.Head:
        """Returns the head in the port's form."""
        return store.Head(self.version, self.fields)


def partition(stream: str, generation: int) -> str:
    """Returns the partition of a generation's rows."""
    return f"{stream}#{generation}"


def stream_of(pk: str) -> str | None:
    """Returns the stream of a partition of rows; None for any other partition."""
    stream, _, generation = pk.rpartition("#")
    return stream if "#" in stream and generation.isdecimal() else None


class Heads:
    """Reads, caches and moves heads.

    Parameters
    ----------
    building: the generation that is being built; None for the live views.
    monotonic: seconds of a clock that never goes back.
    """

    def __init__(self, table: Table, building: int | None, monotonic: Callable[[], float]) -> None:
        self._table = table
        self.building = building
        self._monotonic = monotonic
        self._bases: OrderedDict[str, Head] = OrderedDict()
        self._generations: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._lock = threading.Lock()

    def key(self, stream: str) -> Item:
        if self.building is None:
            return {"pk": stream, "sk": HEAD}
        return {"pk": partition(stream, self.building), "sk": HEAD}

    # Reading

    def read(self, stream: str) -> Head:
        """Reads a head, consistently."""
        return self._found(stream, self._table.get(self.key(stream)))

    def read_many(self, streams: Iterable[str]) -> dict[str, Head]:
        """Reads the heads that exist, consistently."""
        keys = {self.key(stream)["pk"]: stream for stream in streams}
        items = self._table.get_many([{"pk": pk, "sk": HEAD} for pk in keys])
        return {keys[item["pk"]]: self._found(keys[item["pk"]], item) for item in items}

    def _found(self, stream: str, item: Item | None) -> Head:
        head = self.decode(item or {})
        with self._lock:
            _keep(self._generations, stream, (head.generation, self._monotonic()))
        return head

    def decode(self, item: Mapping[str, Any]) -> Head:
        generation = item.get("generation", 0) if self.building is None else self.building
        fields = {field_of(name): value for name, value in item.items() if name not in HEADS}
        return Head(generation, item.get("version", 0), fields)

    def every(self) -> list[tuple[str, Head]]:
        """Returns all live streams by id: a Scan, for an operator's commands."""
        found = []
        for item in self._table.every(
            FilterExpression="sk = :head", ExpressionAttributeValues={":head": {"S": HEAD}}
        ):
            head = self.decode(item)
            # The head with which a generation was built is stored with its rows.
            if stream_of(item["pk"]) is None and head.version:
                found.append((item["pk"], head))
        return sorted(found, key=lambda one: one[0])

    def generation(self, stream: str) -> int:
        """Returns the generation to read rows of; it may be cached for a minute.

        A caller that read the head before, in this process, gets rows that are not older than it.
        """
        return self.generations([stream])[stream]

    def generations(self, streams: Sequence[str]) -> dict[str, int]:
        if self.building is not None:
            return dict.fromkeys(streams, self.building)
        since = self._monotonic() - GENERATION_LIFE
        with self._lock:
            remembered = {stream: self._generations.get(stream) for stream in streams}
        known = {s: kept[0] for s, kept in remembered.items() if kept and kept[1] > since}
        missing = [stream for stream in remembered if stream not in known]
        if len(missing) == 1:
            known[missing[0]] = self.read(missing[0]).generation
        elif missing:
            known |= dict.fromkeys(missing, 0)
            known |= {s: head.generation for s, head in self.read_many(missing).items()}
        return known

    # Folding

    def base(self, stream: str, version: int | None = None) -> Head:
        """Returns the head to fold onto: the cached one if it exists and has `version` (if given),
        otherwise the stored one."""
        with self._lock:
            held = self._bases.get(stream)
        if held is None or version not in (None, held.version):
            held = self.read(stream)
            self._remember(stream, held)
        return held

    def move(self, stream: str, before: Head, version: int, fields: Mapping[str, Any]) -> bool:
        """Moves the head; False if it is no longer `before`, which is then dropped from the
        cache."""
        names = {"#generation": "generation", "#version": "version"}
        values: dict[str, Any] = {
            ":generation": before.generation,
            ":version": version,
            ":before": before.version,
        }
        sets = ["#generation = :generation", "#version = :version"]
        more, their_names, their_values = sets_of(fields)
        sets += [more] if more else []
        names |= their_names
        values |= their_values
        gone = {f"#gone{n}": stored_name(f) for n, f in enumerate(before.fields) if f not in fields}
        names |= gone
        condition = "#version = :before AND #generation = :generation"
        if not before.version:
            condition = f"attribute_not_exists(#version) OR ({condition})"
        try:
            self._table.update(
                self.key(stream),
                "SET " + ", ".join(sets) + (f" REMOVE {', '.join(gone)}" if gone else ""),
                names=names,
                values=values,
                condition=condition,
            )
        except ConditionFailed:
            self.forget(stream)
            return False
        self._remember(stream, Head(before.generation, version, dict(fields)))
        return True

    def _remember(self, stream: str, head: Head) -> None:
        with self._lock:
            _keep(self._bases, stream, head)

    def forget(self, stream: str) -> None:
        with self._lock:
            self._bases.pop(stream, None)
            self._generations.pop(stream, None)

    def forget_all(self) -> None:
        with self._lock:
            self._bases.clear()
            self._generations.clear()


def _keep(kept: OrderedDict[str, Any], stream: str, value: Any) -> None:
    kept[stream] = value
    kept.move_to_end(stream)
    if len(kept) > REMEMBERED:
        kept.popitem(last=False)
