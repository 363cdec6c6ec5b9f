"""Code that aggregates by concern share: parts of their state, and reactions to other concerns'
events."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import orjson

from domain.aggregate import Aggregate, Event


class Part:
    """A concern's part of an aggregate's state.

    A snapshot names the parts that it has (`PARTS`). If one is missing, or has another version, the
    snapshot is not used: the log is folded from its first event, so that a new part knows what
    happened before.

    Attributes
    ----------
    version: to be raised when the same events give another state.
    needs_past: whether events that are older than the part change it. A part that only new events
        change may set it to False, so that no log has to be folded again.
    """

    version: ClassVar[int] = 1
    needs_past: ClassVar[bool] = True

    def snapshot(self) -> dict[str, Any]:
        """Returns the part's keys of the snapshot."""
        raise NotImplementedError

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restores a snapshot; one of an earlier release may lack the part's keys."""
        raise NotImplementedError

    def weight(self) -> int:
        """Returns an estimate of the part's bytes in memory."""
        return 0


P = TypeVar("P", bound=Part)


PARTS = "parts"
"""The key of a snapshot under which it lists its parts: versions by the name of the class. It is
the first key. A STORAGE FORMAT."""

_LISTED = b'{"state":{"parts":'


class Composed(Aggregate):
    """An aggregate whose concerns each keep a part of the state.

    Attributes
    ----------
    part_classes: the parts of every aggregate of the class.
    part_bytes: bytes of an empty part in memory.
    unlisted: names of the parts that snapshots without a list have: those of earlier releases.
    """

    part_classes: ClassVar[Sequence[type[Part]]]
    part_bytes: ClassVar[int]
    unlisted: ClassVar[frozenset[str]]

    def snapshot_state(self) -> dict[str, Any]:
        """Returns the state for a snapshot: that of the core and of all parts."""
        raise NotImplementedError

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.parts: dict[type[Part], Part] = {part: part() for part in self.part_classes}

    def part(self, kind: type[P]) -> P:
        """Returns a concern's part of the state."""
        return self.parts[kind]  # type: ignore[return-value]

    def weight(self) -> int:
        # A plain loop: it runs once per append, and a generator takes half as long again.
        total = super().weight() + len(self.parts) * self.part_bytes
        for part in self.parts.values():
            total += part.weight()
        return total

    def parts_state(self) -> dict[str, Any]:
        """Returns the state of all parts for a snapshot, first their list."""
        state: dict[str, Any] = {PARTS: self.listed_parts()}
        for part in self.parts.values():
            state |= part.snapshot()
        return state

    @classmethod
    def listed_parts(cls) -> dict[str, int]:
        """Returns the versions of the parts that need past events, by name."""
        return {part.__name__: part.version for part in cls.part_classes if part.needs_past}

    @classmethod
    def is_whole(cls, state: bytes) -> bool:
        """Returns whether a stored snapshot has all parts that need past events. It decodes only
        the list: the rest may have megabytes."""
        held = dict.fromkeys(cls.unlisted, 1)
        if state.startswith(_LISTED):
            held = orjson.loads(state[len(_LISTED) : state.index(b"}") + 1])
        return all(held.get(name) == version for name, version in cls.listed_parts().items())

    def restore_parts(self, state: Mapping[str, Any]) -> None:
        for part in self.parts.values():
            part.restore(state)


def check_parts(aggregate: Composed) -> None:
    """Raises TypeError if two parts of an empty aggregate have the same name, or the same key of
    the snapshot, or a part has a key of the core."""
    parts, aggregate.parts = aggregate.parts, {}
    owners = dict.fromkeys(aggregate.snapshot_state(), type(aggregate).__name__)
    aggregate.parts = parts
    names: set[str] = set()
    for kind, part in parts.items():
        name = kind.__name__
        if name in names:
            raise TypeError(f"there are two parts {name}")
        names.add(name)
        for key in part.snapshot():
            if key in owners:
                raise TypeError(f"the key {key} of {name} is taken by {owners[key]}")
            owners[key] = name


A = TypeVar("A", bound=Aggregate)
E = TypeVar("E", bound=Event)


def after(event: type[E]) -> Callable[[Callable[[A, E], None]], Callable[[A, E], None]]:
    """Decorates a concern's reaction to another concern's event: it is called after the event's own
    `apply`."""

    def register(follow: Callable[[A, E], None]) -> Callable[[A, E], None]:
        apply = event.apply

        def both(self: E, aggregate: A) -> None:
            apply(self, aggregate)
            follow(aggregate, self)

        event.apply = both  # type: ignore[assignment, method-assign]
        return follow

    return register
