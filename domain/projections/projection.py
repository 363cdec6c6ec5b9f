"""What a projection is: a fold of one log's events into rows of the views.

It is declared once, as a class in PROJECTIONS (domain/chat/projecting.py), and hosted there: all
projections of a log share its stream, so a batch of events is read once and saved once, whatever
is folded of it. Following the log, rebuilding, redriving, resetting and erasing are the host's; the
function on AWS, the local consumer and what counts the cost run the host.
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple, Protocol

from domain.aggregate import Event
from domain.log import EventLog
from domain.ports.vault import Vault
from domain.projections.store import Document, Fold, Head, Patch
from domain.projections.views import Views


class Given(Protocol):
    """What projections are made of."""

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

    Of the projections of a log one alone keeps fields in the head; all may have rows, each with
    keys of its own.

    Attributes
    ----------
    name: in English, for people who read the code.
    of_people: whether it folds people's logs, else rooms'.
    types: of the events that it is called for; all where none is named.
    """

    name: ClassVar[str]
    of_people: ClassVar[bool] = False
    types: ClassVar[tuple[type[Event], ...]] = ()

    def __init__(self, given: Given) -> None:
        self.given = given

    def wants(self, batch: Batch) -> bool:
        return not self.types or any(isinstance(event, self.types) for event in batch.events)

    def fold(self, batch: Batch) -> Fold:
        """Folds the batch. What it raises, and that will not pass, parks the event."""
        raise NotImplementedError

    def skip(self, log_id: str, base: Head, version: int) -> Fold:
        """Goes past an event that cannot be folded."""
        return Fold(base)

    def erase(self, user: str) -> None:
        """Drops what is kept of somebody who was erased. May be repeated."""


def merged(version: int, base: Head, folds: Sequence[Fold]) -> Fold:
    """Returns what the folds of one stream come to at a version."""
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
