"""Sessions and the tickets that open their sockets."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from domain.aggregate import Command
from domain.chat.services import Services
from domain.errors import Forbidden, NotFound, Unauthenticated
from domain.executing import outcomes_of, versions_of
from domain.log import is_person
from domain.person.lifecycle import PersonErased, Register
from domain.person.person import Person
from domain.person.sessions import (
    EndSession,
    OpenSessions,
    SessionEnded,
    SessionStarted,
    StartSession,
)
from domain.ports.accounts import Session

DAY = 86_400.0
SESSION_LIFE = 30 * DAY
"""Seconds for which a session is valid after its last use (recorded to the day)."""

TICKET_LIFE = 60.0
"""Seconds."""

LINK_LIFE = DAY
"""Seconds for which a link for another device is valid."""

TOGETHER = 100
"""Number of events that every recorder can append in one transaction."""

LAPSED = 3_600.0
"""Seconds after which a session that accounts do not have counts as ended: a new session is written
to the log first."""

ROUNDS = 10
"""Number of times that a sign-out checks for new sessions: somebody may start them forever."""


def hashed(secret: str) -> str:
    """Returns the stored form of a token or ticket: it has 192 bits or more, so SHA-256 is
    enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _hashed_link(secret: str) -> str:
    """Returns the stored form of a link, which differs from a ticket's: neither can be used as the
    other."""
    return hashed(f"link {secret}")


class Sessions:
    """Starts and ends sessions, in the log and in accounts, and finds people by their tokens."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def start(self, user: str, nickname: str | None = None) -> str:
        """Starts a session and returns its token; with a nickname, registers the person first."""
        services = self._services
        token = secrets.token_urlsafe(32)
        session = hashed(token)[:32]
        if nickname is None:
            self._end_lapsed(user)
        now = services.now()
        # Ids with a space, which clients' ids cannot have.
        common: dict[str, Any] = {"by": user, "at": now, "recorded_at": now, "digest": ""}
        commands: list[Command] = [StartSession(id=f"session {session}", session=session, **common)]
        if nickname is not None:
            name = services.vault.seal(user, nickname)
            commands.insert(0, Register(id=f"register {user}", name=name, **common))
        (outcomes,) = outcomes_of(services.executor, [(user, commands)])
        versions_of(outcomes)
        services.accounts.put_session(
            hashed(token), Session(user, session, services.seconds() + SESSION_LIFE)
        )
        return token

    def who(self, token: str | None) -> Session:
        """Returns the token's session and keeps it alive.

        Raises
        ------
        Unauthenticated: no token, or its session has ended.
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
            services.accounts.prolong(hashed(token), session.expires)
        return session

    def lives(self, session: Session) -> bool:
        """Returns whether the person's log has the session started and not ended."""
        person = self._services.to_decide(session.user)
        return isinstance(person, Person) and session.session in person.part(OpenSessions).begun

    def leave(self, token: str | None) -> None:
        """Ends the token's session; its sockets are closed when the event is delivered.

        Raises
        ------
        Unauthenticated: no token, or its session has ended.
        """
        services = self._services
        session = services.accounts.session(hashed(token), services.seconds()) if token else None
        if token is None or session is None:
            raise Unauthenticated
        # The log first: if that fails, the token still exists for a retry.
        self._end(session.user, [session.session])
        services.accounts.end_session(hashed(token))

    def sign_out(self, user: str) -> tuple[int, int]:
        """Ends all sessions of a person, deletes their tickets and closes their connections;
        nothing that they wrote changes. A guest's nickname becomes free (docs/adr/0005).

        Repeating it completes the work after a failure. A session that begins at the same time ends
        too, or counts as one that began later.

        Returns
        -------
        The number of ended sessions, including expired ones that were never ended, and the number
        of closed connections.

        Raises
        ------
        NotFound: there is no such person.
        """
        services = self._services
        if not is_person(user) or not services.log.head(user):
            raise NotFound(f"there is no person {user}")
        connections = {*services.connections.of_user(user)}
        ended = 0
        for _ in range(ROUNDS):
            # Tokens and tickets first, so that nobody can use them while the log is written. And
            # once more after it, for a token that was stored after its session was already in the
            # log.
            services.accounts.end_sessions_of(user)
            sessions = list(self._open_sessions(user))
            if not sessions:
                break
            self._end(user, sessions)
            ended += len(sessions)
        # After the log, which is checked once a connection is stored (`Chat.connect`): a connection
        # that was being opened with an older ticket is refused there, or found here.
        connections |= {*services.connections.of_user(user)}
        for connection in sorted(connections):
            services.gateway.close(connection, 4401)
        return ended, len(connections)

    def ticket(self, token: str | None) -> str:
        """Returns a ticket that opens one WebSocket within 60 s."""
        return self.ticket_for(self.who(token))

    def ticket_for(self, session: Session) -> str:
        """Returns a ticket of a session that is known to be valid."""
        ticket = secrets.token_urlsafe(24)
        expires = self._services.seconds() + TICKET_LIFE
        self._services.accounts.put_ticket(hashed(ticket), replace(session, expires=expires))
        return ticket

    def redeem(self, ticket: str) -> Session:
        """Consumes a ticket. Raises Unauthenticated if it is unknown, used or expired."""
        session = self._services.accounts.take_ticket(hashed(ticket), self._services.seconds())
        if session is None:
            raise Unauthenticated
        return session

    def link_for(self, session: Session) -> str:
        """Returns a secret that starts one more session of a guest, once, within LINK_LIFE and
        while `session` is valid. Only its hash is stored, like a ticket that opens no socket.

        Raises
        ------
        Forbidden: the person has an account, and signs in with it on each device.
        """
        accounts = self._services.accounts
        if accounts.email(session.user) is not None:
            raise Forbidden("sign in on the other device with your account")
        secret = secrets.token_urlsafe(32)
        expires = self._services.seconds() + LINK_LIFE
        accounts.put_ticket(_hashed_link(secret), replace(session, expires=expires), LINK_LIFE)
        return secret

    def redeem_link(self, secret: str) -> tuple[str, str]:
        """Returns (token, user id) of a new session of the person who made the link.

        Raises ------ Unauthenticated: the link is unknown, used or expired, or the session that
        created it has ended.
        """
        accounts = self._services.accounts
        made_in = accounts.take_ticket(_hashed_link(secret), self._services.seconds())
        if made_in is None or not self.lives(made_in):
            raise Unauthenticated
        token = self.start(made_in.user)
        # Checked again after the start: a logout in the meantime has revoked the link.
        if not self.lives(made_in):
            self.leave(token)
            raise Unauthenticated
        return token, made_in.user

    def drop_ended(self, user: str) -> None:
        """Deletes the tokens and tickets of sessions that the log has ended."""
        accounts = self._services.accounts
        # Accounts first: their sessions are already in the log.
        kept = accounts.sessions_of(user)
        begun = self._open_sessions(user)
        for token, session in kept.items():
            if session.session not in begun:
                accounts.end_session(token)

    def _end_lapsed(self, user: str) -> None:
        """Ends sessions in the log that accounts no longer have: they expired, and only accounts
        know how long a session was prolonged."""
        services = self._services
        now = services.seconds()
        begun = self._open_sessions(user)
        kept = services.accounts.sessions_of(user).values()
        live = {one.session for one in kept if one.expires > now - LAPSED}
        over = datetime.fromtimestamp(now - LAPSED, UTC).isoformat(timespec="microseconds")
        lapsed = [session for session, at in begun.items() if session not in live and at < over]
        self._end(user, lapsed)

    def _end(self, user: str, sessions: Sequence[str]) -> None:
        """Records in the person's log that sessions ended; already ended ones add nothing."""
        services = self._services
        now = services.now()
        common: dict[str, Any] = {"by": user, "at": now, "recorded_at": now, "digest": ""}
        ends = [EndSession(id=f"end {one}", session=one, **common) for one in sessions]
        batches = [(user, ends[at : at + TOGETHER]) for at in range(0, len(ends), TOGETHER)]
        for outcomes in outcomes_of(services.executor, batches):
            versions_of(outcomes)

    def _open_sessions(self, user: str) -> dict[str, str]:
        """Returns the sessions that are open at the head of the person's log, with the time when
        they were recorded ("" if unknown), the oldest first."""
        person = self._services.log.read(user)
        assert isinstance(person, Person)
        # The version first: events that another thread folds at the same time may be folded twice.
        version, sessions = person.version, dict(person.part(OpenSessions).begun)
        for event in self._services.log.events(user, after=version):
            if isinstance(event, SessionStarted):
                sessions[event.session] = event.recorded_at
            elif isinstance(event, SessionEnded):
                sessions.pop(event.session, None)
            elif isinstance(event, PersonErased):
                sessions.clear()
        return sessions
