"""Sessions, nicknames, subjects and tickets in dicts."""

from collections.abc import Callable
from dataclasses import replace
from threading import Lock

from domain.ports.accounts import Session
from domain.protocol.types import Sealed

RESERVED = 60.0
"""Seconds that a claimed nickname waits for its first session."""


class MemoryAccounts:
    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._nicknames: dict[str, tuple[str, float]] = {}
        self._tickets: dict[str, Session] = {}
        self._subjects: dict[str, str] = {}
        self._emails: dict[str, Sealed] = {}
        self._lock = Lock()

    def claim_nickname(self, pseudonym: str, user: str, now: float) -> bool:
        with self._lock:
            holder, reserved = self._nicknames.get(pseudonym, ("", 0.0))
            live = any(s.user == holder and s.expires > now for s in self._sessions.values())
            if holder and holder != user and (live or reserved > now):
                return False
            self._nicknames[pseudonym] = (user, now + RESERVED)
            return True

    def nickname_holder(self, pseudonym: str) -> str | None:
        claimed = self._nicknames.get(pseudonym)
        return claimed[0] if claimed else None

    def put_session(self, token: str, session: Session) -> None:
        with self._lock:
            self._sessions[token] = session

    def prolong(self, token: str, expires: float) -> None:
        with self._lock:
            session = self._sessions.get(token)
            if session is not None:
                self._sessions[token] = replace(session, expires=expires)

    def session(self, token: str, now: float) -> Session | None:
        session = self._sessions.get(token)
        return session if session and session.expires > now else None

    def sessions_of(self, user: str) -> dict[str, Session]:
        with self._lock:
            return {token: one for token, one in self._sessions.items() if one.user == user}

    def end_session(self, token: str) -> Session | None:
        with self._lock:
            session = self._sessions.pop(token, None)
            if session is not None:
                self._release(session.user)
                self._drop_tickets(lambda ticket: ticket.session == session.session)
            return session

    def end_sessions_of(self, user: str) -> None:
        with self._lock:
            for token in [t for t, session in self._sessions.items() if session.user == user]:
                del self._sessions[token]
            self._release(user)
            self._drop_tickets(lambda ticket: ticket.user == user)

    def forget(self, user: str) -> None:
        self.end_sessions_of(user)
        with self._lock:
            for pseudonym in [p for p, (holder, _) in self._nicknames.items() if holder == user]:
                del self._nicknames[pseudonym]
            self._emails.pop(user, None)

    def _drop_tickets(self, over: Callable[[Session], bool]) -> None:
        self._tickets = {key: kept for key, kept in self._tickets.items() if not over(kept)}

    def _release(self, user: str) -> None:
        """Frees the nickname's reservation, so that it is free once no session lives."""
        for pseudonym, (holder, _) in self._nicknames.items():
            if holder == user:
                self._nicknames[pseudonym] = (holder, 0.0)

    def put_ticket(self, ticket: str, session: Session, life: float = 60.0) -> None:
        with self._lock:
            now = session.expires - life
            for old in [t for t, kept in self._tickets.items() if kept.expires <= now]:
                del self._tickets[old]
            self._tickets[ticket] = session

    def take_ticket(self, ticket: str, now: float) -> Session | None:
        session = self._tickets.pop(ticket, None)
        return session if session and session.expires > now else None

    def claim_subject(self, pseudonym: str, user: str) -> str:
        with self._lock:
            return self._subjects.setdefault(pseudonym, user)

    def put_email(self, user: str, sealed: Sealed) -> None:
        self._emails[user] = sealed

    def email(self, user: str) -> Sealed | None:
        return self._emails.get(user)

    def drop_expired(self, now: float, more: Callable[[], bool]) -> int:
        with self._lock:
            dropped = 0
            for kept in (self._sessions, self._tickets):
                for key in [key for key, one in kept.items() if one.expires <= now]:
                    if not more():
                        return dropped
                    del kept[key]
                    dropped += 1
            return dropped
