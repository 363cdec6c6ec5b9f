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
        """Gives the nickname to `user` unless another person with a valid session holds it."""
        ...

    def nickname_holder(self, pseudonym: str) -> str | None:
        """Returns the person who claimed the nickname last; None if nobody did."""
        ...

    def put_session(self, token: str, session: Session) -> None: ...

    def prolong(self, token: str, expires: float) -> None:
        """Prolongs a session; a session that ended in the meantime stays ended."""
        ...

    def session(self, token: str, now: float) -> Session | None: ...

    def sessions_of(self, user: str) -> dict[str, Session]:
        """Returns a person's sessions by token, including expired ones that are not deleted yet."""
        ...

    def end_session(self, token: str) -> Session | None:
        """Ends a session and invalidates its tickets."""
        ...

    def end_sessions_of(self, user: str) -> None:
        """Ends every session of a person, deletes their tickets and frees their nickname."""
        ...

    def forget(self, user: str) -> None:
        """Does the same as `end_sessions_of`, and deletes the person's e-mail address and the links
        from nicknames to them; their sign-in subject stays theirs. May be repeated."""
        ...

    def put_ticket(self, ticket: str, session: Session, life: float = 60.0) -> None:
        """Stores a ticket for `life` seconds; `session.expires` is their end. The ticket becomes
        invalid when its session ends."""
        ...

    def take_ticket(self, ticket: str, now: float) -> Session | None:
        """Consumes a ticket; None if it is unknown, used or expired."""
        ...

    def drop_expired(self, now: float, more: Callable[[], bool]) -> int:
        """Deletes expired sessions and tickets, while `more()`; returns their number."""
        ...

    def claim_subject(self, pseudonym: str, user: str) -> str:
        """Gives the sign-in subject permanently to `user` unless it is taken; returns its owner.
        Two concurrent calls get the same answer."""
        ...

    def put_email(self, user: str, sealed: Sealed) -> None:
        """Stores the person's e-mail address, sealed under their key, and replaces the last one."""
        ...

    def email(self, user: str) -> Sealed | None: ...
