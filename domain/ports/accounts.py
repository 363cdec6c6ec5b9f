"""Sessions, nicknames, sign-in subjects, tickets and e-mail addresses."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from domain.protocol.types import Sealed


@dataclass(frozen=True, slots=True)
class Session:
    user: str
    session: str
    expires: float


class Accounts(Protocol):
    """Sessions by hashed token, nicknames and sign-in subjects by pseudonym, tickets by hash.

    Times are seconds since the epoch.
    """

    def claim_nickname(self, pseudonym: str, user: str, now: float) -> bool:
        """Gives the nickname to `user` unless somebody else with a live session holds it."""
        ...

    def nickname_holder(self, pseudonym: str) -> str | None:
        """Returns who claimed the nickname last; None where nobody did."""
        ...

    def put_session(self, token: str, session: Session) -> None: ...

    def prolong(self, token: str, expires: float) -> None:
        """Has a session live until then; one that ended meanwhile stays ended."""
        ...

    def session(self, token: str, now: float) -> Session | None: ...

    def sessions_of(self, user: str) -> dict[str, Session]:
        """Returns a person's sessions by token, expired ones that were not deleted yet
        included."""
        ...

    def end_session(self, token: str) -> Session | None:
        """Ends a session; its tickets are void."""
        ...

    def end_sessions_of(self, user: str) -> None:
        """Ends every session of a person, voids their tickets and frees their nickname."""
        ...

    def forget(self, user: str) -> None:
        """Does what `end_sessions_of` does, and deletes the person's e-mail address and what links
        nicknames to them; their sign-in subject stays theirs. May be repeated."""
        ...

    def put_ticket(self, ticket: str, session: Session, life: float = 60.0) -> None:
        """Keeps a ticket for `life` seconds: `session.expires` is when they are over. It is void
        once its session ends."""
        ...

    def take_ticket(self, ticket: str, now: float) -> Session | None:
        """Consumes a ticket; None where it is unknown, used or expired."""
        ...

    def drop_expired(self, now: float, more: Callable[[], bool]) -> int:
        """Deletes sessions and tickets that are over, while `more()`; returns how many."""
        ...

    def claim_subject(self, pseudonym: str, user: str) -> str:
        """Gives the sign-in subject to `user` unless somebody has it, for good; returns whose
        it is now. Of two at once both get the same answer."""
        ...

    def put_email(self, user: str, sealed: Sealed) -> None:
        """Keeps the person's e-mail address, sealed under their key, in place of the last."""
        ...

    def email(self, user: str) -> Sealed | None: ...
