"""Reads rooms as a person may see them, folded to the log's head."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from domain.aggregate import Event
from domain.chat.authorising import Authorising, Standing
from domain.chat.services import Services
from domain.chat.unsealing import names_at_head, open_event, open_message, open_words, people
from domain.chat.withholding import EventPage, withhold
from domain.consumer import TRANSIENT
from domain.errors import RoomBusy
from domain.person.marks import Marks
from domain.person.person import Person
from domain.room.invitations import Invitations
from domain.room.view import Message, RoomView

MAX_TAIL = 3_000
"""Maximum of events that a read folds onto a lagging view. More would take longer than a reader
should wait: the answer is `room_busy` until the view has caught up."""


MAX_TURNS = 3
"""Attempts to read the messages that a view names: the log's tail may name others each time."""

PAGE_BYTES = 2 * 2**20
"""Bytes of texts in a page: escaped and with all other fields it stays below Lambda's 6 MB. A page
has at least one entry."""

ENTRY_BYTES = 600
"""Bytes of an entry without its text and its reactions, which are at most 16 KB of a message."""


def within(
    entries: Iterable[dict[str, Any]], text_of: Callable[[dict[str, Any]], str | None]
) -> list[dict[str, Any]]:
    """Returns as many of the first entries as fit PAGE_BYTES; takes one more from an iterator."""
    kept: list[dict[str, Any]] = []
    size = 0
    for entry in entries:
        reactions = entry.get("reactions") or {}
        size += ENTRY_BYTES + len((text_of(entry) or "").encode(errors="replace"))
        size += sum(40 * len(users) for users in reactions.values())
        if size > PAGE_BYTES and kept:
            break
        kept.append(entry)
    return kept


@dataclass(frozen=True, slots=True)
class Access:
    """A room for one reader.

    Attributes
    ----------
    view: header at the log's head, with the changes of the tail.
    standing: information from the log about who may read it.
    role: the person's role, None for a reader who is not a member.
    """

    room: str
    view: RoomView
    standing: Standing
    role: str | None


class Reading:
    """Reads for one person at a time; every answer is folded to the log's head."""

    def __init__(self, services: Services) -> None:
        self._log = services.log
        self._views = services.views
        self._vault = services.vault
        self.authorising = Authorising(services.log, services.alone)

    def access(
        self, room: str, user: str, load: Callable[[RoomView], None] | None = None
    ) -> Access:
        """Folds the log's tail onto the view's header and the rows that `load` puts into the view.

        `load` reads the views after the header and before the tail: its rows may be newer than the
        header, never older, and the tail's events give the same result.

        Raises
        ------
        NotFound: there is no such room, or it is private and the person is not a member.
        RoomBusy: the room's view lags by more than MAX_TAIL events, or has not yet skipped an
            unreadable one.
        """
        standing = self.authorising.require(room, user)
        view = RoomView()
        header = self._views.header(room)
        if header is not None:
            view.restore(header)
        if standing.version - view.version > MAX_TAIL:
            raise RoomBusy("the room is being prepared; try again")
        if load is not None:
            load(view)
        try:
            for event in self._log.events(room, after=view.version, limit=MAX_TAIL):
                view.apply(event.wire())
        except TRANSIENT:
            raise
        except Exception:
            # An unreadable event: the projector will park and skip it soon.
            raise RoomBusy("the room is being prepared; try again") from None
        return Access(room, view, standing, standing.role(user))

    def messages(self, room: str, user: str, before: int | None, limit: int) -> dict[str, Any]:
        """A page of opened messages; only the newest ones if their texts fill PAGE_BYTES."""
        access, page = self.page(room, user, before, limit)
        opened = (open_message(self._vault, message) for message in reversed(page))
        kept = within(opened, lambda message: message["text"])
        return {
            "messages": kept[::-1],
            "people": self.people(access, (message["by"] for message in kept)),
        }

    def page(
        self, room: str, user: str, before: int | None, limit: int
    ) -> tuple[Access, list[Message]]:
        """Returns the newest `limit` messages below `before`, oldest first, still sealed."""

        def load(view: RoomView) -> None:
            page = self._views.page(room, before, limit)
            view.messages = {message["version"]: message for message in page}

        access = self.access(room, user, load)
        found = [
            message
            for version, message in sorted(access.view.messages.items())
            if before is None or version < before
        ]
        return access, found[-limit:]

    def chosen(
        self, room: str, user: str, choose: Callable[[RoomView], Sequence[int]]
    ) -> dict[str, Any]:
        """The opened messages that the room's view names, in its order; only the first ones if
        their texts fill PAGE_BYTES.

        Parameters
        ----------
        choose: returns the versions of the messages.
        """
        wanted: set[int] = set()

        def load(view: RoomView) -> None:
            wanted.update(choose(view))
            found = self._views.messages_at([(room, version) for version in sorted(wanted)])
            view.messages = {version: message for (_, version), message in found.items()}

        # The next attempt loads messages that the log's tail names, with the tail's changes.
        for _ in range(MAX_TURNS):
            access = self.access(room, user, load)
            versions = choose(access.view)
            if wanted.issuperset(versions):
                break
            wanted.update(versions)
        found = [access.view.messages[v] for v in versions if v in access.view.messages]
        kept = within(
            (open_message(self._vault, message) for message in found), lambda one: one["text"]
        )
        return {"messages": kept, "people": self.people(access, (one["by"] for one in kept))}

    def people(self, access: Access, users: Iterable[str]) -> dict[str, str | None]:
        """Returns names by person; names in the tail are newer than the views."""
        wanted = set(users)
        found = people(self._vault, self._views, access.room, wanted)
        for user in wanted:
            patch = access.view.members.get(user, {})
            if "name" in patch:
                found[user] = open_words(self._vault, patch["name"])
        missing = wanted - found.keys()
        if missing:
            # The views are being rebuilt: they existed for the header and are gone now.
            names = names_at_head(self._log, self._views, access.room, missing)
            found |= {user: open_words(self._vault, name) for user, name in names.items()}
        return found

    def events(self, room: str, user: str, after: int, limit: int) -> dict[str, Any]:
        """A page of the log, with fewer events if their texts fill PAGE_BYTES; texts that the
        person may not see are null."""
        page = EventPage(self._log, self._views, room, after, limit)
        access = self.access(room, user, page.load)
        shown = page.shown(access.view.messages, member=access.role is not None)
        opened = (open_event(self._vault, event) for event in shown)
        return {"events": within(opened, lambda event: event["data"].get("text"))}

    def open_to_head(self, access: Access, events: Sequence[Event]) -> list[dict[str, Any]]:
        """Opens all events above a version; texts that the person may not see are null."""
        shown = [event.wire() for event in events]
        withhold(shown, member=access.role is not None)
        return [open_event(self._vault, event) for event in shown]

    def open_events(self, events: Sequence[Event]) -> list[dict[str, Any]]:
        return [open_event(self._vault, event.wire()) for event in events]

    def members(self, room: str, user: str, after: str, limit: int) -> dict[str, Any]:
        """Members by user id: the view's page, corrected by the log's tail."""
        found: list[dict[str, Any]] = []
        more: str | None = after
        while more is not None and len(found) < limit:
            page, more = self._members(room, user, more, limit - len(found))
            found += page
        answer = {
            "members": [{**row, "name": open_words(self._vault, row["name"])} for row in found]
        }
        if after == "":
            answer["invited"] = self._invited(room, user)
        return answer

    def _invited(self, room: str, user: str) -> list[dict[str, Any]]:
        """Returns the pending invitations by user id, to everybody who may read the room, because
        the log also has them."""
        standing = self.authorising.require(room, user)
        invited = dict(standing.room.part(Invitations).pending)
        names = people(self._vault, self._views, room, invited)
        missing = invited.keys() - names.keys()
        if missing:
            # The views do not have the latest invitations yet.
            late = names_at_head(self._log, self._views, room, missing)
            names |= {one: open_words(self._vault, name) for one, name in late.items()}
        return [
            {"user": one, "name": names.get(one), "role": invitation.role}
            for one, invitation in sorted(invited.items())
        ]

    def _members(
        self, room: str, user: str, after: str, limit: int
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Returns the present members of one page, and where the next one begins."""
        rows: list[dict[str, Any]] = []

        def load(view: RoomView) -> None:
            rows.extend(self._views.members(room, after, limit))
            for row in rows:
                view.members[row["user"]] = {"name": row["name"], "role": row["role"]}

        access = self.access(room, user, load)
        view, standing = access.view, access.standing
        last = rows[-1]["user"] if len(rows) == limit else None
        present = [
            {"user": member, "name": row["name"], "role": role}
            for member, row in sorted(view.members.items())
            if (role := standing.role(member))
            and "name" in row
            and member > after
            and (last is None or member <= last)
        ]
        if len(present) > limit:
            return present[:limit], None
        return present, last

    def unread(self, access: Access, user: str) -> int:
        # From their own log, not the views: a mark counts as soon as it is acknowledged.
        person = self._log.read(user)
        marks = person.part(Marks).by_room if isinstance(person, Person) else {}
        read = marks.get(access.room, (0, 0))[0]
        if access.role is None:
            return 0
        posted = access.view.posted.get(user)
        if posted is None:
            member = self._views.member(access.room, user)
            posted = member["posted"] if member else 0
        mark = max(posted, read)
        # The log's tail has what the views lack.
        tail = [m["n"] for version, m in access.view.messages.items() if version <= mark]
        known = max(tail, default=0) or self._views.ordinal(access.room, mark)
        return max(0, access.view.n - known)
