"""Prepares the logs of people that a frame needs: the executor folds a long log before the frame is
handled, so that a connection's frames never fold it again and again on the event loop."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from domain.chat.services import Services
from domain.errors import Internal, ParleyError
from domain.executing import outcomes_of
from domain.person.sessions import EndSession

SHORT = 30
"""A log with at most this many events is folded where it is needed, in about 3 ms."""

LOOK = "a look"
"""Command id, with a space that clients' ids cannot have."""


class _Frame(NamedTuple):
    people: Sequence[str]
    take: Callable[[], None]
    refuse: Callable[[ParleyError], None]


class Preparing:
    """Handles the frames of a connection in order, each once the logs that it needs are in memory.

    For the only process that appends to the log: it caches the executor's folds. Elsewhere frames
    are handled at once.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._waiting: dict[str, deque[_Frame]] = {}
        """Waiting frames by connection, behind one whose people are being folded."""

    def in_turn(
        self,
        connection_id: str,
        people: Sequence[str],
        take: Callable[[], None],
        refuse: Callable[[ParleyError], None],
    ) -> None:
        """Calls `take` when the people's logs are in memory and the connection's earlier frames
        were handled; normally at once.

        Parameters
        ----------
        refuse: called with the exception of `take` if `take` is called later.
        """
        waiting = self._waiting.get(connection_id)
        if waiting is not None:
            waiting.append(_Frame(people, take, refuse))
            return
        missing = self._missing(people) if people else ()
        if not missing:
            take()
            return
        self._waiting[connection_id] = deque([_Frame((), take, refuse)])
        self._fold(connection_id, missing)

    def fold(self, user: str) -> None:
        """Loads a person's log into memory before their connection is stored, if the log is long;
        for threads that may block. Raises Internal if the executor does not answer."""
        for missing in self._missing([user]):
            outcomes_of(self._services.executor, [(missing, [self._look(missing)])])

    def _missing(self, people: Sequence[str]) -> list[str]:
        if not self._services.alone:
            return []
        log = self._services.log
        distinct = dict.fromkeys(people)
        return [one for one in distinct if log.cached(one) is None and log.head(one) > SHORT]

    def _fold(self, connection_id: str, missing: Sequence[str]) -> None:
        """Makes the executor load the logs, one after the other, with a command that changes
        nothing: it folds long logs on a thread and caches them."""
        if not missing:
            self._go_on(connection_id)
            return
        first = missing[0]
        self._services.executor.execute(
            first, [self._look(first)], lambda _: self._fold(connection_id, missing[1:])
        )

    def _look(self, user: str) -> EndSession:
        now = self._services.now()
        return EndSession(session="", by=user, id=LOOK, at=now, recorded_at=now, digest="")

    def _go_on(self, connection_id: str) -> None:
        waiting = self._waiting[connection_id]
        while waiting:
            frame = waiting.popleft()
            try:
                missing = self._missing(frame.people)
                if missing:
                    waiting.appendleft(frame._replace(people=()))
                    self._fold(connection_id, missing)
                    return
                frame.take()
            except ParleyError as refusal:
                frame.refuse(refusal)
            except Exception:
                frame.refuse(Internal())
                self._go_on(connection_id)
                raise
        self._waiting.pop(connection_id, None)
