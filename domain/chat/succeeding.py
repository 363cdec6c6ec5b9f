"""Rooms of somebody who was erased: nobody who can manage a room is left there as its owner."""

from collections.abc import Iterator
from typing import Any

from domain.chat.services import Services
from domain.consuming import Transient
from domain.errors import NotFound, ParleyError
from domain.executing import outcomes_of
from domain.person.person import Person
from domain.room.membership import HandOver
from domain.room.room import Room

TRIES = 5
"""Times that the person who is to own a room may leave it meanwhile."""

ASKED = 100
"""Members of a role whose logs are looked at, one read each."""


class Succession:
    """Hands the rooms of erased people over.

    The heir is an owner who is there already, else the moderator who has been a member for longest,
    else the member who has been one for longest; somebody with an open session comes first among
    those of the same role, since a guest without one cannot come back. Who was erased inherits
    nothing.

    Every call may be repeated: of somebody who owns a room no longer nothing is changed there.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    def of_person(self, user: str) -> None:
        """Hands over all rooms that an erased person owns, as far as their own log knows."""
        person = self._services.at_head(user)
        rooms = dict(person.rooms) if isinstance(person, Person) and person.erased else {}
        for room, (role, _) in rooms.items():
            if role == "owner":
                self.of_room(room, user)

    def of_new_owner(self, room: str, user: str) -> None:
        """Hands a room over whose new owner was erased before their log heard of it.

        To be called once their log has heard of it: what is in memory is as new as that."""
        person = self._services.log.read(user)
        if isinstance(person, Person) and person.erased:
            self.of_room(room, user)

    def of_room(self, room: str, user: str) -> None:
        """Makes an erased owner a member, and somebody else the owner where there is none.

        Raises
        ------
        Transient: not now; may be repeated.
        """
        services = self._services
        for _ in range(TRIES):
            found = services.at_head(room)
            if not isinstance(found, Room) or found.members.get(user) != "owner":
                return
            version, members = found.version, dict(found.members)
            now = services.now()
            common: dict[str, Any] = {"by": user, "at": now, "recorded_at": now, "digest": ""}
            # An id with a space, which clients' own cannot have.
            hand_over = HandOver(
                id=f"succession {version}",
                heir=self._heir(members, user),
                members=len(members),
                **common,
            )
            ((outcome,),) = outcomes_of(services.executor, [(room, [hand_over])])
            if not isinstance(outcome, ParleyError):
                return
            if not isinstance(outcome, NotFound):
                raise Transient(outcome.code)
        raise Transient(f"the members of {room} change all the time")

    def _heir(self, members: dict[str, str], user: str) -> str | None:
        for role in ("owner", "moderator", "member"):
            able = [one for one, theirs in members.items() if theirs == role and one != user]
            living = list(self._living(able[:ASKED]))
            if living:
                here = (one for one, signed_in in living if signed_in)
                return next(here, living[0][0])
        return None

    def _living(self, users: list[str]) -> Iterator[tuple[str, bool]]:
        """Yields those of `users` who were not erased, each with whether they have an open
        session; ends with the first who has."""
        for user in users:
            person = self._services.at_head(user)
            if isinstance(person, Person) and person.version and not person.erased:
                signed_in = bool(person.sessions)
                yield user, signed_in
                if signed_in:
                    return
