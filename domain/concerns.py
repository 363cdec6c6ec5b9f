"""Code that aggregates by concern share: parts of their state, and reactions to other concerns'
events."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from domain.aggregate import Aggregate, Event


class Part:
    """A concern's part of an aggregate's state."""

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


class Composed(Aggregate):
    """An aggregate whose concerns each keep a part of the state.

    Attributes
    ----------
    part_classes: the parts of every aggregate of the class.
    part_bytes: bytes of an empty part in memory.
    """

    part_classes: ClassVar[Sequence[type[Part]]]
    part_bytes: ClassVar[int]

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
        """Returns the state of all parts for a snapshot."""
        state: dict[str, Any] = {}
        for part in self.parts.values():
            state |= part.snapshot()
        return state

    def restore_parts(self, state: Mapping[str, Any]) -> None:
        for part in self.parts.values():
            part.restore(state)


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
