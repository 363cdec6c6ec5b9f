"""Erases a person: destroys their key, so that their texts can never be read again."""

from typing import Any

from domain.chat.services import Services
from domain.chat.succeeding import Succession
from domain.errors import Forbidden, NotFound
from domain.executing import outcomes_of, versions_of
from domain.log import is_person
from domain.person.lifecycle import Erase
from domain.person.person import Person
from domain.ports.vault import Vault


def importer(vault: Vault) -> str:
    """Returns the id under which imports create rooms and record files. It is not a person's id."""
    return "u_" + vault.blind("importer:parley import")[:20]


class Erasing:
    """Erases people; used by the command line, the operator of a stack and handlers."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._succession = Succession(services)

    def erase(self, user: str) -> bool:
        """Ends everything that a person has open, destroys their key and records this in their log.

        Every step may be repeated, so another call completes the work after a crash. The order
        prevents new access:

        1. Accounts delete their data: no token and no ticket is valid any more.
        2. The key is destroyed. From here on their texts are gone, whatever follows.
        3. PersonErased is appended to their log. It ends every session, including one that began
           since step 1, and refuses further ones. Consumers that get it drop cached data; the key
           is gone by then, so none of them loads it again.
        4. Accounts delete data that was written since step 1; its writers then find the log closed
           (`Entering.exchange`, `Chat.connect`).
        5. Connections are closed. A connection that is being opened is found here, or finds the
           event in the log.
        6. Rooms that they own get another owner (domain/chat/succeeding.py). `track_memberships`
           does the same when it gets PersonErased, and for rooms that appear in their log late.

        Returns
        -------
        False if they were erased before and nothing was left to do in the log.

        Raises
        ------
        NotFound: there is no such person.
        Forbidden: it is the importer, whose key all imported rooms need.
        """
        services = self._services
        if user == importer(services.vault):
            raise Forbidden(f"{user} is not a person: imports create their rooms under this id")
        if not is_person(user) or not services.log.head(user):
            raise NotFound(f"there is no person {user}")
        connections = {*services.connections.of_user(user)}
        services.accounts.forget(user)
        had = services.vault.destroy(user)
        announced = self._announce(user)
        services.accounts.forget(user)
        connections |= {*services.connections.of_user(user)}
        for connection in sorted(connections):
            services.gateway.close(connection, 4401)
        self._succession.of_person(user)
        return had or announced

    def _announce(self, user: str) -> bool:
        """Records in the person's log that they were erased; False if it already does."""
        services = self._services
        person = services.log.at_head(user)
        if isinstance(person, Person) and person.erased:
            return False
        now = services.now()
        common: dict[str, Any] = {"by": user, "at": now, "recorded_at": now, "digest": ""}
        # An id with a space, which clients' ids cannot have.
        erase = Erase(id=f"erase {user}", **common)
        (outcomes,) = outcomes_of(services.executor, [(user, [erase])])
        versions_of(outcomes)
        return True
