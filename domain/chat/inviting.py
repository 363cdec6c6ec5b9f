"""Decides who is added to a room at once and who is asked first; lists a person's pending
invitations."""

from collections.abc import Mapping
from itertools import islice
from typing import Any, cast

from domain.chat.services import Services
from domain.chat.unsealing import open_words
from domain.errors import NotFound
from domain.person.invitations import Invitations
from domain.person.memberships import Memberships
from domain.person.person import Person
from domain.room.lifecycle import RoomCreated
from domain.room.room import Room

MAX_SHARED = 50
"""Maximum of shared rooms that are checked for a private one."""


def standing(services: Services, adder: str, user: str, room: str, now: str) -> dict[str, Any]:
    """Returns the fields of AddMember that come from the two people's own logs.

    Raises
    ------
    NotFound: there is no such person, or they were erased.
    """
    person = cast(Person, services.to_decide(user))
    if not person.version or person.erased:
        raise NotFound("no such person")
    left = person.part(Memberships).by_room.get(room)
    return {
        "name": person.name,
        "known": _known(services, cast(Person, services.to_decide(adder)), person),
        "was_here": left is not None and left[0] is None,
        "resting": not person.part(Invitations).allows(adder, now),
        "unoffered": room not in person.part(Invitations).offers,
    }


def _known(services: Services, adder: Person, user: Person) -> bool:
    """Returns whether two people share a private room; other rooms do not count, because anybody
    may join them."""
    fewer, more = sorted((one.part(Memberships).by_room for one in (adder, user)), key=len)
    # The latest first: a room's kind costs one small read if it is not in memory.
    shared = (
        room
        for room, (role, _) in reversed(fewer.items())
        if role is not None and more.get(room, (None, 0))[0] is not None
    )
    return any(_kind(services, room) == "private" for room in islice(shared, MAX_SHARED))


def _kind(services: Services, room: str) -> str:
    held = services.log.cached(room)
    if isinstance(held, Room) and held.version:
        return held.kind
    created = services.log.events(room, limit=1)
    return created[0].kind if created and isinstance(created[0], RoomCreated) else ""


class Inviting:
    """Lists a person's pending invitations."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def pending(self, user: str) -> dict[str, Any]:
        """Returns the invitations in the person's own log, the oldest first."""
        person = cast(Person, self._services.at_head(user))
        offers = dict(person.part(Invitations).offers)
        headers = self._services.views.headers(sorted(offers))
        names = self._names({offer.by for offer in offers.values()})
        found = []
        for room, offer in offers.items():
            about = headers.get(room) or self._created(room)
            found.append(
                {
                    "room": room,
                    "name": open_words(self._services.vault, about["name"]),
                    "kind": about["kind"],
                    "by": offer.by,
                    "by_name": names.get(offer.by),
                    "role": offer.role,
                    "at": offer.at,
                    "version": offer.version,
                }
            )
        return {"invitations": found}

    def _names(self, users: set[str]) -> Mapping[str, str | None]:
        people = {user: cast(Person, self._services.log.read(user)) for user in users}
        return {u: open_words(self._services.vault, p.name) for u, p in people.items() if p.version}

    def _created(self, room: str) -> Mapping[str, Any]:
        """Returns the header that the views will have of a room that they do not know yet."""
        created = self._services.log.events(room, limit=1)[0]
        assert isinstance(created, RoomCreated)
        return vars(created)
