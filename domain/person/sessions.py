"""A person's sessions: each is one sign-in on one device."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice, repeat
from typing import Any

from domain.aggregate import Command
from domain.concerns import after
from domain.person.lifecycle import PersonErased
from domain.person.person import (
    ENTRY_BYTES,
    Part,
    Person,
    PersonEvent,
    decides,
    require_registered,
)

MAX_SESSIONS = 100
"""Maximum of open sessions of a person: all of them are in memory and in each snapshot."""

ENDED_TOGETHER = 50
"""Maximum of sessions that one start ends, if an older log has more than MAX_SESSIONS open: every
recorder can append that many events in one transaction."""


@dataclass
class OpenSessions(Part):
    """Open sessions and the time when each was recorded, the oldest first; "" if unknown."""

    begun: dict[str, str] = field(default_factory=dict)

    def snapshot(self) -> dict[str, Any]:
        return {"sessions": list(self.begun), "began": list(self.begun.values())}

    def restore(self, state: Mapping[str, Any]) -> None:
        # An older snapshot does not have the times when they began.
        began = state.get("began") or repeat("")
        self.begun = dict(zip(state["sessions"], began, strict=False))

    def weight(self) -> int:
        return len(self.begun) * ENTRY_BYTES


@dataclass(kw_only=True)
class SessionStarted(PersonEvent):
    """`session` is the first half of the token's hash: it names the session and gives no access."""

    TOPIC = "person.session-started"
    session: str

    def apply(self, aggregate: Person) -> None:
        aggregate.part(OpenSessions).begun[self.session] = self.recorded_at


@dataclass(kw_only=True)
class SessionEnded(PersonEvent):
    TOPIC = "person.session-ended"
    session: str

    def apply(self, aggregate: Person) -> None:
        aggregate.part(OpenSessions).begun.pop(self.session, None)


@after(PersonErased)
def _end_all(person: Person, event: PersonErased) -> None:
    person.part(OpenSessions).begun.clear()


@dataclass(kw_only=True, slots=True)
class StartSession(Command):
    session: str


@dataclass(kw_only=True, slots=True)
class EndSession(Command):
    session: str


@decides(StartSession)
def start_session(person: Person, command: StartSession) -> int:
    """Beyond MAX_SESSIONS the oldest ones end."""
    require_registered(person)
    sessions = person.part(OpenSessions).begun
    if command.session in sessions:
        return person.version
    over = min(len(sessions) - MAX_SESSIONS + 1, ENDED_TOGETHER)
    for oldest in list(islice(sessions, max(0, over))):
        person.append(SessionEnded, command, session=oldest)
    return person.append(SessionStarted, command, session=command.session)


@decides(EndSession, after_erasure=True)
def end_session(person: Person, command: EndSession) -> int:
    if command.session not in person.part(OpenSessions).begun:
        return person.version
    return person.append(SessionEnded, command, session=command.session)
