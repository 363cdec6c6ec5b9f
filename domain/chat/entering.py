"""Who somebody is: nicknames, sessions, tickets."""

import hashlib
import secrets
import unicodedata
from dataclasses import replace
from typing import Any

from domain.chat.opening import open_words
from domain.chat.services import Services
from domain.errors import NicknameTaken, RateLimited, Unauthenticated
from domain.executing import outcomes_of, versions_of
from domain.person.person import EndSession, Person, Register, StartSession
from domain.ports import Session

DAY = 86_400.0
SESSION_LIFE = 30 * DAY
"""Seconds that a session lives after its last use (told to the day)."""

TICKET_LIFE = 60.0
"""Seconds."""

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def new_user_id() -> str:
    """Returns an opaque id of 65 random bits."""
    return "u_" + "".join(secrets.choice(_ALPHABET) for _ in range(13))


def hashed(secret: str) -> str:
    """Returns what is stored of a token or ticket: it has 192 bits or more, so SHA-256 does."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same_name(nickname: str) -> str:
    """Returns the form in which two nicknames are one: `Ann` and `ann` look alike."""
    return unicodedata.normalize("NFKC", nickname).casefold()


class Entering:
    def __init__(self, services: Services) -> None:
        self._services = services

    def enter(self, nickname: str, token: str | None, source: str = "") -> tuple[str, str]:
        """Returns (token, user id) of a guest.

        The holder of a live token of that nickname comes back as the same person; anybody else
        gets a new one. `source` is the address that asks: each has an allowance, as people have.

        Raises
        ------
        NicknameTaken: somebody with a live session holds it.
        RateLimited: too many from this address.
        """
        services = self._services
        if not services.limiter.allow(f"from:{source}"):
            raise RateLimited
        if token is not None:
            session = services.accounts.session(hashed(token), services.seconds())
            if session is not None and same_name(self.name(session.user) or "") == same_name(
                nickname
            ):
                return token, session.user
        user = new_user_id()
        pseudonym = services.vault.blind("nickname:" + same_name(nickname))
        if not services.accounts.claim_nickname(pseudonym, user, services.seconds()):
            raise NicknameTaken
        services.vault.create([user])
        return self._start(user, nickname), user

    def _start(self, user: str, nickname: str) -> str:
        services = self._services
        token = secrets.token_urlsafe(32)
        session = hashed(token)[:32]
        now = services.now()
        # Ids with a space, which clients' own cannot have.
        common: dict[str, Any] = {"by": user, "at": now, "recorded_at": now, "digest": ""}
        register = Register(
            id=f"register {user}", name=services.vault.seal(user, nickname), **common
        )
        start = StartSession(id=f"session {session}", session=session, **common)
        (outcomes,) = outcomes_of(services.executor, [(user, [register, start])])
        versions_of(outcomes)
        services.accounts.put_session(
            hashed(token), Session(user, session, services.seconds() + SESSION_LIFE)
        )
        return token

    def name(self, user: str) -> str | None:
        """Returns the person's name; None once they were erased."""
        person = self._services.log.read(user)
        return (
            open_words(self._services.vault, person.name)
            if isinstance(person, Person) and person.version
            else None
        )

    def who(self, token: str | None) -> Session:
        """Returns the token's session and keeps it alive.

        Raises
        ------
        Unauthenticated: no token, or its session is over.
        """
        if not token:
            raise Unauthenticated
        services = self._services
        now = services.seconds()
        session = services.accounts.session(hashed(token), now)
        if session is None:
            raise Unauthenticated
        if session.expires < now + SESSION_LIFE - DAY:
            session = replace(session, expires=now + SESSION_LIFE)
            services.accounts.put_session(hashed(token), session)
        return session

    def lives(self, session: Session) -> bool:
        """Returns whether the person's log has the session started and not ended."""
        person = self._services.log.read(session.user)
        return isinstance(person, Person) and session.session in person.sessions

    def leave(self, token: str | None) -> None:
        """Ends the token's session; its sockets are closed when the event is delivered."""
        services = self._services
        session = self.who(token)
        services.accounts.end_session(hashed(token or ""))
        now = services.now()
        end = EndSession(
            by=session.user,
            id=f"end {session.session}",
            session=session.session,
            at=now,
            recorded_at=now,
            digest="",
        )
        (outcomes,) = outcomes_of(services.executor, [(session.user, [end])])
        versions_of(outcomes)

    def ticket(self, token: str | None) -> str:
        """Returns a ticket that opens one WebSocket within 60 s."""
        session = self.who(token)
        ticket = secrets.token_urlsafe(24)
        expires = self._services.seconds() + TICKET_LIFE
        self._services.accounts.put_ticket(hashed(ticket), replace(session, expires=expires))
        return ticket

    def redeem(self, ticket: str) -> Session:
        """Consumes a ticket. Raises Unauthenticated where it is unknown, used or expired."""
        session = self._services.accounts.take_ticket(hashed(ticket), self._services.seconds())
        if session is None:
            raise Unauthenticated
        return session
