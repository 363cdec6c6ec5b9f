"""Two writers over one log and one store of views, and a projector that may be late."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent

from adapters.memory.events import MemoryEvents, MemorySnapshots
from adapters.memory.progress import MemoryProgress
from domain.aggregate import Command
from domain.chat.projecting import ProjectViews
from domain.chat.services import Services
from domain.consuming import Consuming, Record
from domain.executing import DirectExecutor, outcomes_of
from domain.log import EventLog, envelope
from domain.ports.commands import Outcome
from domain.room.invitations import Join
from domain.room.lifecycle import CreateRoom
from domain.room.messages import Post
from tests.support.aggregates import ask, belong, decided, sealed
from tests.support.views import MemoryViews, NoWords

ROOM = "lobby"
PEOPLE = ("u_ann", "u_bob", "u_cy")


class Interleaving(MemoryEvents):
    """Lets `before` run ahead of an insert; what that inserts goes straight through."""

    def __init__(self) -> None:
        super().__init__()
        self.before: Callable[[], None] | None = None

    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        before, self.before = self.before, None
        if before is not None:
            try:
                before()
            finally:
                self.before = before
        return super().insert_events(stored_events, **kwargs)


class Writer:
    """One process: its own cache over the shared log and views."""

    def __init__(self, recorder: MemoryEvents, views: MemoryViews) -> None:
        self.log = EventLog(recorder, MemorySnapshots())
        self.pauses: list[float] = []
        self.announced: list[tuple[str, int]] = []
        self.executor = DirectExecutor(self.log, views, self.pauses.append, self.announce)

    def announce(self, events: Sequence[StoredEvent]) -> Callable[[], None]:
        self.announced += [(event.topic, event.originator_version) for event in events]
        return lambda: None

    def do(self, *commands: Command) -> list[Outcome]:
        return list(outcomes_of(self.executor, [(ROOM, commands)])[0])

    def one(self, command: Command) -> Outcome:
        return decided(self.executor, self.log, ROOM, replace(command))


class World:
    """A room of Ann (owner) and Bob, two writers, and a projector that is as late as it likes."""

    def __init__(self) -> None:
        self.recorder, self.views = Interleaving(), MemoryViews()
        self.a, self.b = Writer(self.recorder, self.views), Writer(self.recorder, self.views)
        belong(self.a.log, ROOM, *PEOPLE)
        assert self.a.one(create()) == 2
        assert self.a.one(join("u_bob")) == 3

    def versions(self) -> list[int]:
        return [stored.originator_version for stored in self.recorder.select_events(ROOM)]

    def ids(self) -> list[tuple[str, str]]:
        return [(event.by, event.id) for event in self.a.log.events(ROOM)]

    def project(self) -> None:
        services: Any = type(
            "Views and log", (), {"views": self.views, "log": self.a.log, "vault": NoWords()}
        )()
        kept: Services = services
        consuming = Consuming(ProjectViews(kept), self.a.log, MemoryProgress(), lambda: "")
        stored = self.recorder.select_events(ROOM)
        assert (
            consuming.consume([Record(str(number), envelope(e)) for number, e in enumerate(stored)])
            == []
        )


def create() -> Any:
    ann = sealed("u_ann")
    return ask(CreateRoom, "u_ann", id="create", since=0, name=ann, kind="public", member_name=ann)


def join(by: str, **more: Any) -> Any:
    return ask(Join, by, name=sealed(by), **{"id": "join", **more})


def post(by: str, **more: Any) -> Any:
    return ask(Post, by, text=sealed(by, "hi"), kind="text", reply_to=None, **more)


class Reads:
    """Notes the version after which each read of a recorder begins."""

    def __init__(self, recorder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[int | None] = []
        select = recorder.select_events

        def noted(originator_id: str, **how: Any) -> Any:
            self.asked.append(how.get("gt"))
            return select(originator_id, **how)

        monkeypatch.setattr(recorder, "select_events", noted)


def always_first(world: World) -> Callable[[], None]:
    """Returns what has the other writer post ahead of each insert."""
    ids = iter(range(1_000))

    def first() -> None:
        world.b.one(post("u_ann", id=f"first-{next(ids)}"))

    return first
