"""Finds new owners for the rooms of erased people."""

from typing import Any

from domain.chat.services import Services
from domain.consumer import Transient
from domain.errors import NotFound, ParleyError
from domain.executing import outcomes_of
from domain.person.memberships import Memberships
from domain.person.person import Person
from domain.person.sessions import OpenSessions
from domain.room.membership import HandOver
from domain.room.room import Room

TRIES = 5
"""Number of times that the chosen person may leave the room before they become its owner."""

ASKED = 100
"""Number of members of a role that are searched for one with a valid session; after these, the
first person who was not erased becomes the owner."""

STEP = 1_000
"""Members that a consumer checks in one search while it finds only erased ones. At an assumed 10 ms
for the two reads on AWS, that is a third of the function's timeout; the next delivery continues
after them. `Erasing` checks all members, at most MAX_MEMBERS."""

REMEMBERED = 20_000
"""Number of erased people in the cache, twice as many as a room has members: about 2 MB."""


class Succession:
    """Gives the rooms of erased people to new owners.

    An existing other owner keeps the room. Otherwise the new owner is the moderator who has been a
    member for longest, or if there is none, the member who has. People with a valid session come
    first within a role, because a guest without one cannot come back. Erased people are never
    chosen.

    Every call may be repeated: if the person no longer owns a room, nothing changes there.

    Parameters
    ----------
    step: number of members that one search checks before it raises Transient, if all of them were
        erased; the next search continues after them. None if the caller can wait for all.
    """

    def __init__(self, services: Services, step: int | None = None) -> None:
        self._services = services
        self._step = step
        # An erasure is final, so this is never stale.
        self._gone: set[str] = set()

    def of_person(self, user: str) -> None:
        """Finds new owners for all rooms that an erased person owns according to their own log."""
        person = self._services.at_head(user)
        if not isinstance(person, Person) or not person.erased:
            return
        rooms = dict(person.part(Memberships).by_room)
        for room, (role, _) in rooms.items():
            if role == "owner":
                self.of_room(room, user)

    def of_new_owner(self, room: str, user: str) -> None:
        """Finds a new owner for a room whose owner was erased before their log recorded the room.

        Call it after their log has recorded the room: the aggregate in memory is as new as that."""
        person = self._services.log.read(user)
        if isinstance(person, Person) and person.erased:
            self.of_room(room, user)

    def of_room(self, room: str, user: str) -> None:
        """Makes an erased owner a member, and another person the owner if there is none.

        Raises
        ------
        Transient: it failed for now; may be repeated.
        """
        services = self._services
        for _ in range(TRIES):
            found = services.at_head(room)
            if not isinstance(found, Room) or found.members.get(user) != "owner":
                return
            version, members = found.version, dict(found.members)
            now = services.now()
            common: dict[str, Any] = {"by": user, "at": now, "recorded_at": now, "digest": ""}
            # An id with a space, which clients' ids cannot have.
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
        raise Transient(f"the members of {room} change too often")

    def _heir(self, members: dict[str, str], user: str) -> str | None:
        if len(self._gone) > REMEMBERED:
            self._gone.clear()
        looked = 0
        for role in ("owner", "moderator", "member"):
            first: str | None = None
            able = (one for one, theirs in members.items() if theirs == role and one != user)
            left = (one for one in able if one not in self._gone)
            for asked, one in enumerate(left):
                if first is not None and asked >= ASKED:
                    break
                if first is None and looked == self._step:
                    raise Transient("the search for a new owner continues")
                looked += 1
                signed_in = self._signed_in(one)
                if signed_in:
                    return one
                if signed_in is None:
                    self._gone.add(one)
                elif first is None:
                    first = one
            if first is not None:
                return first
        return None

    def _signed_in(self, user: str) -> bool | None:
        """Returns whether a person has a session that has not expired; None if they were erased."""
        services = self._services
        person = services.at_head(user)
        if not isinstance(person, Person) or not person.version or person.erased:
            return None
        begun = person.part(OpenSessions).begun
        if not begun:
            return False
        # The log keeps expired sessions until the next sign-in; accounts know when each ends.
        now = services.seconds()
        kept = services.accounts.sessions_of(user).values()
        return any(one.expires > now and one.session in begun for one in kept)
