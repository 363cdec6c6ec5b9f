"""Entering: nicknames and sign-in subjects."""

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
"""Attempts for a person who is erased while they sign in."""

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def new_user_id() -> str:
    """Returns an opaque id of 65 random bits."""
    return "u_" + "".join(secrets.choice(_ALPHABET) for _ in range(13))


def same_name(nickname: str) -> str:
    """Returns the form for comparing nicknames: `Ann` and `ann` are the same."""
    return unicodedata.normalize("NFKC", nickname).casefold()


def numbered(nickname: str) -> Iterator[str]:
    """Yields the nickname, then `nickname 2` … `nickname 9`, then several with a random number."""
    yield nickname
    for number in (*range(2, 10), *(secrets.randbelow(9_000) + 1_000 for _ in range(10))):
        suffix = f" {number}"
        yield nickname[: MAX_NICKNAME - len(suffix)].rstrip() + suffix


class Entering:
    """Starts sessions for guests, and for people whom a sign-in service has authenticated."""

    def __init__(self, services: Services, sessions: Sessions) -> None:
        self._services = services
        self._sessions = sessions

    def enter(self, nickname: str, token: str | None, source: str = "") -> tuple[str, str]:
        """Returns (token, user id) of a guest.

        The holder of a valid token of that nickname is the same person again; anybody else becomes
        a new person. `source` is the calling address: each address has an allowance, like a person.

        Raises
        ------
        Forbidden: guests are not allowed.
        NicknameTaken: a person with a valid session holds it.
        RateLimited: too many from this address.
        """
        services = self._services
        if not services.guests:
            raise Forbidden("guests are not allowed here: sign in")
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
        Forbidden: guests are not allowed.
        Unauthenticated: the link is unknown, used, expired or revoked.
        RateLimited: too many from this address.
        """
        if not self._services.guests:
            raise Forbidden("guests are not allowed here: sign in")
        self._count(source)
        return self._sessions.redeem_link(secret)

    def exchange(self, sub: str, email: str, nickname: str, source: str = "") -> tuple[str, str]:
        """Returns (token, user id) of a person whom a sign-in service has authenticated.

        The same subject is always the same person. A new person gets the name `nickname`, with a
        number if it is taken. Every step may be repeated, so a retry completes the work after a
        crash. An erased person becomes a new person.

        Parameters
        ----------
        sub: the service's id of the person; kept as a keyed pseudonym.
        email: stored sealed; replaces the last one.

        Raises
        ------
        NicknameTaken: the nickname is taken with every tried number.
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
                # They were erased in the meantime: delete the data that was just stored.
                self._services.accounts.forget(user)
        raise Unauthenticated

    def _sign_in(self, user: str, name: str | None, email: str, nickname: str) -> str:
        """Starts a session of a person, who registers under `nickname` if they have no name yet;
        returns its token. Raises Unauthenticated if they were erased in the meantime."""
        services = self._services
        if name is None:
            services.vault.create([user])
            token = self._sessions.start(user, self._free_name(nickname, user))
        else:
            # The nickname is reserved again if nobody took it while they were away; they keep the
            # name in any case.
            self._claim(name, user)
            token = self._sessions.start(user)
        services.accounts.put_email(user, services.vault.seal(user, email))
        # Last: this check finds an erasure or sign-out before it; after it, `Erasing` and
        # `Sessions.sign_out` find the stored data.
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
        """Returns the subject's person and their name; None if they are not registered yet."""
        services, times = self._services, 0
        while True:
            # An erased person's subject stays theirs, because nothing may be sealed for them again.
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
