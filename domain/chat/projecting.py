"""The consumer that folds the views, and the projections that it runs."""

from collections.abc import Callable, Mapping, Sequence, Set

from domain.aggregate import Event
from domain.chat.withholding import change_in
from domain.consumer import TRANSIENT, Partly, PartlyForNow, Transient
from domain.log import is_person
from domain.person.lifecycle import PersonErased
from domain.person.marks import ReadMarked
from domain.projections.directory import Directory
from domain.projections.people import People
from domain.projections.projection import Batch, Given, Projection, merged
from domain.projections.rows import MARKS, header_of, stream_of
from domain.projections.store import Fold, Head, Patch
from domain.projections.views import Views
from domain.room.view import Message, RoomView


class Rooms(Projection):
    """The view of rooms: headers, messages and members."""

    name = "rooms"
    # Version 1 had no `id` of messages and no `joined` of members.
    version = 2

    def fold(self, batch: Batch) -> Fold:
        view = self._open(batch.log_id, batch.base)
        view.apply_all(event.wire() for event in batch.events)
        return self.given.views.fold_of(batch.base, view)

    def _open(self, room: str, base: Head) -> RoomView:
        # Not the view itself: that would be a reference cycle, which only the garbage collector
        # frees, and it stops everything.
        ahead: dict[int, int] = {}

        def load(version: int) -> Message | None:
            found = self.given.views.folded_message(room, version)
            if found is None:
                return None
            message, ahead[version] = found
            return message

        view = RoomView(load)
        view.ahead = ahead
        header = header_of(base)
        return view if header is None else view.restore(header)

    def skip(self, log_id: str, base: Head, version: int) -> Fold:
        """Removes the texts that the skipped event deletes or replaces, so that no page shows
        them."""
        view = self._open(log_id, base)
        try:
            self._take_away(view, log_id, version)
        except TRANSIENT:
            raise
        except Exception:
            # The row of the message is damaged; a failing event never stops its room.
            view = self._open(log_id, base)
        view.version = version
        return self.given.views.fold_of(base, view)

    def _take_away(self, view: RoomView, room: str, upto: int) -> None:
        """Folds the readable edits and deletions up to a version."""
        for stored in self.given.log.recorder.select_events(room, gt=view.version, lte=upto):
            change = change_in(stored)
            if change is not None:
                view.version = stored.originator_version - 1
                view.apply(change)

    def erase(self, user: str) -> None:
        self.given.views.forget_names(user)


class ReadMarks(Projection):
    """The view of read marks."""

    name = "read marks"
    of_people = True
    types = (ReadMarked,)

    def fold(self, batch: Batch) -> Fold:
        if any(isinstance(event, PersonErased) for event in batch.events):
            return Fold(batch.base)
        marks = {e.room: e.version for e in batch.events if isinstance(e, ReadMarked)}
        patches = [Patch(f"{MARKS}{room}", {"mark": version}) for room, version in marks.items()]
        return Fold(batch.base, patches=patches)

    def erase(self, user: str) -> None:
        self.given.views.forget_marks(user)


PROJECTIONS: tuple[type[Projection], ...] = (Rooms, ReadMarks, Directory, People)


def _attempt(
    projection: Projection, work: Callable[[], None], failed: dict[str, Exception]
) -> None:
    """Runs what a projection does; a failure of one does not stop the others."""
    try:
        work()
    except Exception as error:
        failed[projection.name] = error


def declared() -> dict[str, int]:
    """Returns the versions of all projections, by name."""
    return {projection.name: projection.version for projection in PROJECTIONS}


class ProjectViews:
    """Folds logs into the views: the consumer that runs the projections."""

    name = "project_views"
    gapless = True
    ATTEMPTS = 4
    """Attempts of a fold when another one is faster; the rest is retried later."""

    def __init__(self, given: Given) -> None:
        self._views: Views = given.views
        self._all = [projection(given) for projection in PROJECTIONS]
        self._of: Mapping[bool, Sequence[Projection]] = {
            people: [one for one in self._all if one.of_people is people]
            for people in (True, False)
        }

    def last(self, stream: str) -> int:
        return self._base(stream).version

    def _base(self, stream: str) -> Head:
        return self._views.store.base(stream_of(stream))

    def refresh(self, stream: str) -> None:
        self._views.refresh(stream)

    def apply(self, stream: str, events: Sequence[Event]) -> None:
        """Applies events that follow `last` without a gap.

        Raises
        ------
        Partly: some projections failed, and nothing was saved. `rest` applies the events without
            them, if there is one event.
        """
        self._apply(stream, events, frozenset())

    def _apply(self, stream: str, events: Sequence[Event], without: Set[str]) -> None:
        before, after = events[0].originator_version - 1, events[-1].originator_version
        for _ in range(self.ATTEMPTS):
            # The cached head may be old: after a refusal it is read again.
            base = self._base(stream)
            if base.version >= after:
                return
            if base.version < before:
                break
            new = [event for event in events if event.originator_version > base.version]
            if self._save(stream, base, after, self._fold(stream, base, new, without)):
                return
        raise Transient(f"another process moved the view of {stream}")

    def _fold(
        self, stream: str, base: Head, events: Sequence[Event], without: Set[str]
    ) -> Sequence[Fold]:
        """Folds events by every projection; those in `without` skip the last event."""
        people, failed = is_person(stream), dict[str, Exception]()
        if people and any(isinstance(event, PersonErased) for event in events):
            # Before the view records the event: a failure here is retried.
            for one in self._all:
                if one.name not in without:
                    _attempt(one, lambda one=one: one.erase(stream), failed)  # type: ignore[misc]
        batch, folds = Batch(stream, base, events), list[Fold]()
        for one in self._of[people]:
            if one.name in without:
                folds.append(one.skip(stream, base, events[-1].originator_version))
            elif one.wants(batch):
                _attempt(one, lambda one=one: folds.append(one.fold(batch)), failed)  # type: ignore[misc]
        if failed:
            reason = ", ".join(f"{name}: {type(error).__name__}" for name, error in failed.items())
            for_now = any(isinstance(error, TRANSIENT) for error in failed.values())
            skipping = without | failed.keys()
            kind = PartlyForNow if for_now else Partly
            raise kind(reason, lambda: self._apply(stream, events, skipping))
        return folds

    def _save(self, stream: str, base: Head, version: int, folds: Sequence[Fold]) -> bool:
        fold = merged(version, base, folds)
        return self._views.store.save(stream_of(stream), base.version, fold)

    def skip(self, stream: str, version: int) -> None:
        """Skips a version."""
        for _ in range(self.ATTEMPTS):
            base = self._base(stream)
            if base.version >= version:
                return
            hosted = self._of[is_person(stream)]
            folds = [projection.skip(stream, base, version) for projection in hosted]
            if self._save(stream, base, version, folds):
                return
        raise Transient(f"another process moved the view of {stream}")

    def reset(self, stream: str) -> None:
        self._views.store.reset(stream_of(stream))
