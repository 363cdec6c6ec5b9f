"""Who somebody is: nicknames and sign-in subjects."""

import secrets
import unicodedata
from collections.abc import Iterator

from domain.chat.services import Services
from domain.chat.sessions import Sessions, hashed
from domain.chat.unsealing import open_words
from domain.errors import Forbidden, NicknameTaken, RateLimited, Unauthenticated
from domain.person.person import Person
from domain.protocol.limits import MAX_NICKNAME

TRIES = 5
"""Times that somebody who signs in may be erased meanwhile."""

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def new_user_id() -> str:
    """Returns an opaque id of 65 random bits."""
    return "u_" + "".join(secrets.choice(_ALPHABET) for _ in range(13))


def same_name(nickname: str) -> str:
    """Returns the form in which two nicknames are one: `Ann` and `ann` look alike."""
    return unicodedata.normalize("NFKC", nickname).casefold()


def numbered(nickname: str) -> Iterator[str]:
    """Yields the nickname, then `nickname 2` … `nickname 9`, then some with a random number."""
    yield nickname
    for number in (*range(2, 10), *(secrets.randbelow(9_000) + 1_000 for _ in range(10))):
        suffix = f" {number}"
        yield nickname[: MAX_NICKNAME - len(suffix)].rstrip() + suffix


class Entering:
    """Lets guests in, and people whom a sign-in service vouches for."""

    def __init__(self, services: Services, sessions: Sessions) -> None:
        self._services = services
        self._sessions = sessions

    def enter(self, nickname: str, token: str | None, source: str = "") -> tuple[str, str]:
        """Returns (token, user id) of a guest.

        The holder of a live token of that nickname comes back as the same person; anybody else
        gets a new one. `source` is the address that asks: each has an allowance, as people have.

        Raises
        ------
        Forbidden: guests are not let in.
        NicknameTaken: somebody with a live session holds it.
        RateLimited: too many from this address.
        """
        services = self._services
        if not services.guests:
            raise Forbidden("guests are not let in here: sign in")
        self._count(source)
        if token is not None:
            session = services.accounts.session(hashed(token), services.seconds())
            if session is not None and same_name(self.name(session.user) or "") == same_name(
                nickname
            ):
                return token, session.user
        user = new_user_id()
        if not self._claim(nickname, user):
            raise NicknameTaken
        services.vault.create([user])
        return self._sessions.start(user, nickname), user

    def by_link(self, secret: str, source: str = "") -> tuple[str, str]:
        """Returns (token, user id) of the guest who made a link for another device.

        Raises
        ------
        Forbidden: guests are not let in.
        Unauthenticated: the link is unknown, used, expired or revoked.
        RateLimited: too many from this address.
        """
        if not self._services.guests:
            raise Forbidden("guests are not let in here: sign in")
        self._count(source)
        return self._sessions.redeem_link(secret)

    def exchange(self, sub: str, email: str, nickname: str, source: str = "") -> tuple[str, str]:
        """Returns (token, user id) of somebody whom a sign-in service vouches for.

        The subject's person comes back, however often they sign in. A new one is called
        `nickname`, with a number where somebody holds it. Every step may be repeated, so a retry
        completes what a crash left half done. Whoever was erased is somebody new.

        Parameters
        ----------
        sub: the service's id of the person; kept as a keyed pseudonym.
        email: kept sealed, in place of the last.

        Raises
        ------
        NicknameTaken: the nickname is taken with each number that was tried.
        RateLimited: too many from this address.
        """
        self._count(source)
        for _ in range(TRIES):
            user, name = self._person_of(sub)
            try:
                return self._sign_in(user, name, email, nickname), user
            except Unauthenticated:
                person = self._services.log.at_head(user)
                if not isinstance(person, Person) or not person.erased:
                    raise
                # They were erased meanwhile: what was just kept of them goes as well.
                self._services.accounts.forget(user)
        raise Unauthenticated

    def _sign_in(self, user: str, name: str | None, email: str, nickname: str) -> str:
        """Starts a session of somebody who is to register under `nickname` where they have no
        name yet; returns its token. Raises Unauthenticated where they were erased meanwhile."""
        services = self._services
        if name is None:
            services.vault.create([user])
            token = self._sessions.start(user, self._free_name(nickname, user))
        else:
            # Theirs again where nobody took it while they were away; they keep it either way.
            self._claim(name, user)
            token = self._sessions.start(user)
        services.accounts.put_email(user, services.vault.seal(user, email))
        # Last: who is erased, or signed out, before this look is found by it; after it,
        # `Erasing` and `Sessions.sign_out` find what was kept.
        self._sessions.drop_ended(user)
        if services.accounts.session(hashed(token), services.seconds()) is None:
            raise Unauthenticated
        return token

    def _count(self, source: str) -> None:
        if not self._services.limiter.allow(f"from:{source}"):
            raise RateLimited

    def _claim(self, nickname: str, user: str) -> bool:
        services = self._services
        pseudonym = services.vault.blind("nickname:" + same_name(nickname))
        return services.accounts.claim_nickname(pseudonym, user, services.seconds())

    def _person_of(self, sub: str) -> tuple[str, str | None]:
        """Returns the subject's person and their name; None where they are yet to register."""
        services, times = self._services, 0
        while True:
            # An erased person's subject stays theirs: nothing may be sealed for them again.
            subject = f"subject:{sub}" if times == 0 else f"subject:{sub} {times}"
            user = services.accounts.claim_subject(services.vault.blind(subject), new_user_id())
            name = self.name(user)
            if name is not None or not services.log.read(user).version:
                return user, name
            times += 1

    def _free_name(self, nickname: str, user: str) -> str:
        for name in numbered(nickname):
            if self._claim(name, user):
                return name
        raise NicknameTaken

    def name(self, user: str) -> str | None:
        """Returns the person's name; None once they were erased."""
        person = self._services.log.read(user)
        return (
            open_words(self._services.vault, person.name)
            if isinstance(person, Person) and person.version
            else None
        )
