"""Erasing a person: their key is destroyed, and what they wrote can never be read again."""

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
    """Returns the id under which imports make rooms and note files. It stands for no person."""
    return "u_" + vault.blind("importer:parley import")[:20]


class Erasing:
    """Erases people; the command line, the operator of a stack and handlers call it alike."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._succession = Succession(services)

    def erase(self, user: str) -> bool:
        """Ends all that a person has open, destroys their key and says so in their log.

        Every step may be repeated, so another call completes what a crash left half done. The
        order keeps them out:

        1. Accounts forget them: no token and no ticket opens anything.
        2. The key is destroyed. From here on their words are gone, whatever follows.
        3. PersonErased is appended to their log. It ends every session, one that began since
           step 1 included, and refuses further ones. Consumers that hear of it drop what they
           hold; the key is gone then, so none of them loads it again.
        4. Accounts forget what was written since step 1, by who then finds the log closed
           (`Entering.exchange`, `Chat.connect`).
        5. Connections are closed. One that is being opened is found here, or finds the log.
        6. Rooms that they own are handed over (domain/chat/succeeding.py). `track_memberships` does
           the same when it hears of PersonErased, and for rooms that their log hears of late.

        Returns
        -------
        False where they were erased before and nothing was left to do in the log.

        Raises
        ------
        NotFound: there is no such person.
        Forbidden: it is the importer, whose key the rooms of all imports need.
        """
        services = self._services
        if user == importer(services.vault):
            raise Forbidden(f"{user} is no person: imports make their rooms under this id")
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
        """Has the person's log say that they were erased; False where it does."""
        services = self._services
        person = services.log.at_head(user)
        if isinstance(person, Person) and person.erased:
            return False
        now = services.now()
        common: dict[str, Any] = {"by": user, "at": now, "recorded_at": now, "digest": ""}
        # An id with a space, which clients' own cannot have.
        erase = Erase(id=f"erase {user}", **common)
        (outcomes,) = outcomes_of(services.executor, [(user, [erase])])
        versions_of(outcomes)
        return True
