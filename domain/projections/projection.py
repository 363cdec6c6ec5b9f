"""A projection: a fold of one log's events into rows of the views.

It is declared once, as a class in PROJECTIONS (domain/chat/projecting.py), which runs it: all
projections of a log share its stream, so a batch of events is read once and saved once for all of
them. The host follows the log, rebuilds, redrives, resets and erases; the function on AWS, the
local consumer and the cost counter run the host.
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple, Protocol

from domain.aggregate import Event
from domain.log import EventLog
from domain.ports.vault import Vault
from domain.projections.store import Document, Fold, Head, Patch
from domain.projections.views import Views


class Given(Protocol):
    """The parts from which projections are made."""

    @property
    def views(self) -> Views: ...

    @property
    def log(self) -> EventLog: ...

    @property
    def vault(self) -> Vault: ...


class Batch(NamedTuple):
    """New events of one log, in order and without a gap, that follow `base`."""

    log_id: str
    base: Head
    events: Sequence[Event]


class Projection:
    """A projection of rooms or of people.

    Only one of the projections of a log keeps fields in the head; all may have rows, each with its
    own keys.

    Attributes
    ----------
    name: a name in English. It is a part of the STORAGE FORMAT, together with `version`.
    version: to be raised when the same events give other rows. A views file that another set of
        projections or versions folded is folded anew; a stack is rebuilt by `parley rebuild`.
    of_people: whether it folds people's logs; if not, rooms' logs.
    types: types of the events that it is called for; empty for all.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    of_people: ClassVar[bool] = False
    types: ClassVar[tuple[type[Event], ...]] = ()

    def __init__(self, given: Given) -> None:
        self.given = given

    def wants(self, batch: Batch) -> bool:
        return not self.types or any(isinstance(event, self.types) for event in batch.events)

    def fold(self, batch: Batch) -> Fold:
        """Folds the batch. After an exception the others fold the event all the same; it is parked
        under the projection's name, a transient one after some retries."""
        raise NotImplementedError

    def skip(self, log_id: str, base: Head, version: int) -> Fold:
        """Skips an event that cannot be folded."""
        return Fold(base)

    def erase(self, user: str) -> None:
        """Drops the data of an erased person. May be repeated."""


def merged(version: int, base: Head, folds: Sequence[Fold]) -> Fold:
    """Returns the combined result of the folds of one stream at a version."""
    kept = [fold.head.fields for fold in folds if fold.head is not base]
    head = Head(version, next((fields for fields in kept if fields), base.fields))
    if len(folds) == 1:
        return folds[0]._replace(head=head)
    rows: dict[str, Document] = {}
    numbers: dict[str, int] = {}
    patches: list[Patch] = []
    for fold in folds:
        rows.update(fold.rows)
        numbers.update(fold.numbers)
        patches += fold.patches
    return Fold(head, rows, numbers, patches)
