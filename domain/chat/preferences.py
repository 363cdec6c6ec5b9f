"""A person's choice about mail, and the link in each mail to unsubscribe without signing in."""

import hmac
import secrets
from typing import Any, cast

from domain.chat.services import Services
from domain.errors import NotFound, RateLimited
from domain.executing import outcomes_of, versions_of
from domain.log import EventLog, is_person
from domain.person.person import Person
from domain.person.preferences import NoticePreferences, SetNotices
from domain.ports.accounts import Accounts
from domain.ports.vault import Vault

PURPOSE = "unsubscribe"
"""The purpose of a token: it gives no other access."""


def address_of(log: EventLog, accounts: Accounts, vault: Vault, user: str) -> str | None:
    """Returns the address for mail; None if the person wants no mail, has no address or was erased.
    Only people who asked for mail get it."""
    person = log.at_head(user)
    if not isinstance(person, Person) or not person.part(NoticePreferences).mail:
        return None
    sealed = accounts.email(user)
    return vault.open(sealed) if sealed else None


def token_of(vault: Vault, user: str) -> str:
    """Returns the token of an unsubscribe link: the person and a keyed digest; it does not expire.

    It gives no other access: its holder can only end that person's mail.
    """
    return f"{user}.{vault.blind(f'{PURPOSE}:{user}')}"


class Preferences:
    def __init__(self, services: Services) -> None:
        self._services = services

    def notices(self, user: str) -> dict[str, Any]:
        """Returns whether the person wants mail, and whether there is an address to send it to."""
        person = cast(Person, self._services.at_head(user))
        return {
            "mail": person.part(NoticePreferences).mail,
            "address": self._services.accounts.email(user) is not None,
        }

    def set_notices(self, user: str, mail: bool) -> dict[str, Any]:
        now = self._services.now()
        # An id with a space, which clients' ids cannot have.
        id = f"notices {secrets.token_hex(8)}"
        command = SetNotices(by=user, id=id, at=now, recorded_at=now, digest="", mail=mail)
        (outcomes,) = outcomes_of(self._services.executor, [(user, [command])])
        versions_of(outcomes)
        return {**self.notices(user), "mail": mail}

    def subscriber(self, token: str, source: str = "") -> str:
        """Returns the person whose mail a link ends. Each calling address has an allowance.

        Raises
        ------
        NotFound: the token is invalid.
        RateLimited: too many from this address.
        """
        if not self._services.limiter.allow(f"from:{source}"):
            raise RateLimited
        user, _, _ = token.partition(".")
        known = is_person(user) and token.isascii() and len(token) <= 200
        if not known or not hmac.compare_digest(token, token_of(self._services.vault, user)):
            raise NotFound("this link is not valid")
        return user

    def unsubscribe(self, token: str, source: str = "") -> None:
        """Ends a person's mail. Doing it again changes nothing. Raises as `subscriber`."""
        self.set_notices(self.subscriber(token, source), False)
