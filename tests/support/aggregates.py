"""Given, when, then: events of one log, a command, what it decides.

given("lobby", *ROOM).when(ask(c.Join, "u_bob", name=sealed("u_bob"))).then(
    happened(MemberJoined, "u_bob", user="u_bob", name=sealed("u_bob"), role="member")
)
"""

from dataclasses import dataclass, field
from typing import Any

from adapters.memory.events import MemoryEvents, MemorySnapshots
from domain.aggregate import Aggregate, Command, Event
from domain.deciding import Decider
from domain.errors import BeyondWindow, ParleyError
from domain.executing import outcomes_of
from domain.log import EventLog, empty
from domain.person.lifecycle import PersonRegistered
from domain.person.memberships import RoomGained
from domain.ports.commands import Executor, Outcome
from domain.retrying import Retrying
from tests.support.views import MemoryViews

AT = "2026-01-02T03:04:05.000000+00:00"


def sealed(user: str, text: str = "") -> dict[str, str]:
    """Returns what stands for a sealed text: aggregates never look inside."""
    return {"k": user, "c": text or f"name of {user}"}


def belong(log: EventLog, room: str, *people: str) -> None:
    """Has people's own logs say that they have been in a room."""
    for user in people:
        past = [
            happened(PersonRegistered, user, name=sealed(user)),
            happened(RoomGained, user, room=room, role="member", room_version=1),
        ]
        events = [stand(user, version, one) for version, one in enumerate(past, 1)]
        log.recorder.insert_events(log.stored(events))


def decided(executor: Executor, log: EventLog, log_id: str, command: Any) -> Outcome:
    """Has a command decided; a late retry is looked up first, as the use cases do."""
    (outcome,) = outcomes_of(executor, [(log_id, [command])])[0]
    while isinstance(outcome, BeyondWindow):
        Retrying(log).look_up(log_id, command, outcome)
        (outcome,) = outcomes_of(executor, [(log_id, [command])])[0]
    return outcome


@dataclass(frozen=True)
class Happened:
    """An event without its place: who did what. `id` is the command's, where it matters."""

    event_class: type[Event]
    by: str
    data: dict[str, Any]
    id: str | None = None


def happened(event_class: type[Event], by: str, *, id: str | None = None, **data: Any) -> Happened:
    return Happened(event_class, by, data, id)


def stand(log_id: str, version: int, past: Happened) -> Event:
    """Returns the event at its place in a log."""
    return past.event_class(
        originator_id=log_id,
        originator_version=version,
        at=AT,
        recorded_at=AT,
        by=past.by,
        id=past.id or f"given-{version}",
        digest="given",
        **past.data,
    )


def ask(
    command_class: type[Command],
    by: str,
    *,
    id: str = "asked",
    since: int | None = None,
    digest: str | None = None,
    **content: Any,
) -> Any:
    """Returns a command; the digest follows from the content unless it is given."""
    told = digest if digest is not None else f"{command_class.__name__}:{sorted(content.items())}"
    return command_class(by=by, id=id, at=AT, recorded_at=AT, digest=told, since=since, **content)


def given(log_id: str, *past: Happened) -> "Given":
    """Puts events into an empty log of a room or a person."""
    events = [stand(log_id, version, one) for version, one in enumerate(past, 1)]
    log = EventLog(MemoryEvents(), MemorySnapshots())
    log.recorder.insert_events(log.stored(events))
    aggregate = empty(log_id)
    for event in events:
        aggregate.fold(event)
    return Given(log, aggregate)


@dataclass
class Given:
    log: EventLog
    aggregate: Aggregate

    def when(self, command: Command) -> "Then":
        """Decides the command as an executor would, a late retry after it was looked up, and keeps
        what it appends."""
        decider = Decider(self.log, MemoryViews())
        outcome = decider.decide(self.aggregate, command)
        while isinstance(outcome, BeyondWindow):
            Retrying(self.log).look_up(self.aggregate.id, command, outcome)
            outcome = decider.decide(self.aggregate, command)
        events = list(self.aggregate.collect_events())
        self.log.recorder.insert_events(self.log.stored(events))
        return Then(self, command, outcome, events)


@dataclass
class Then:
    before: Given
    command: Command
    outcome: Outcome
    events: list[Event] = field(default_factory=list)

    def then(self, *expected: Happened) -> "Then":
        """The command appended these events, was answered with the last one's version, and the
        same command again is answered alike and appends nothing."""
        log_id, head = self.before.aggregate.id, self.before.aggregate.version
        first = head - len(expected) + 1
        self._appended([stand(log_id, first + i, one) for i, one in enumerate(expected)])
        assert self.outcome == head
        again = self.before.when(self.command)
        assert (again.outcome, again.events) == (head, []), "a repeated command changes nothing"
        return self

    def _appended(self, expected: list[Event]) -> None:
        assert [type(event) for event in self.events] == [type(event) for event in expected]
        for event, wanted in zip(self.events, expected, strict=True):
            assert (event.by, event.id) == (wanted.by, self.command.id)
            assert (event.at, event.recorded_at) == (self.command.at, self.command.recorded_at)
            assert event.digest == self.command.digest
            assert event.wire()["data"] == wanted.wire()["data"]
            for name in event.hidden:
                assert getattr(event, name) == getattr(wanted, name), name
            assert event.originator_version == wanted.originator_version

    def then_nothing(self, version: int | None = None) -> "Then":
        """The command was accepted and changed nothing; `version` answers it (the head)."""
        assert self.outcome == (self.before.aggregate.version if version is None else version)
        assert self.events == []
        return self

    def then_refused(self, error: type[ParleyError]) -> "Then":
        """The command was refused by exactly this error and left no trace; so it is again."""
        assert type(self.outcome) is error, self.outcome
        assert self.events == []
        again = self.before.when(self.command)
        assert (type(again.outcome), again.events) == (error, [])
        return self
