"""PostToConnection over a light signed HTTPS client.

A boto3 call takes about 1 to 2 ms of CPU and a room of 500 needs 500 of them, so requests are
signed here (adapters/apigateway/signing.py) and sent by a client of our own
(adapters/apigateway/client.py): `python -m bench.posts` has what a post takes.
"""

import logging
import random
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from adapters.apigateway.client import UNSENT, Client
from adapters.apigateway.connection import STALE, UNANSWERED
from adapters.apigateway.signing import Signer
from domain.protocol.limits import MAX_FRAME

logger = logging.getLogger("parley.apigateway")

ATTEMPTS = 4
"""Tries of a post that is throttled, meets a fault of the service or is not answered."""

BUDGET = 3.0
"""Seconds that a whole post may take, its further tries included; API Gateway answers in some
10 ms. Below the timeout of each function that posts (10 s and more)."""

LEAST = 0.25
"""Seconds that a post is given where its caller has none left."""

SILENT_FOR = 60.0
"""Seconds for which a connection that did not answer, while others did, gets one short try after
the others had theirs."""

SILENT_BUDGET = 0.5
"""Seconds of all such tries of one post."""

SILENT = 10_000
"""Silent connections remembered; the one noted first is forgotten first."""

GONE = 410
OK = (200, 204)
PASSING = frozenset({UNANSWERED, STALE, UNSENT, 429, 500, 502, 503, 504})


class Refused(PermissionError):
    """API Gateway refuses the stack itself: credentials, policy or address are wrong."""


class Unreachable(OSError):
    """Nobody could be given a frame, for a reason that may pass."""


class ApiGateway:
    """Implements the Gateway port. Any thread may use it.

    Where others got a frame, a connection that could not be given it is left without: its client
    sees the gap and asks. Only a connection that is gone is answered as such.

    A post ends within BUDGET seconds. A connection that does not answer by then counts as one that
    got nothing, and the next posts try it once, after all others and for SILENT_BUDGET seconds: a
    room waits for its slowest connection once, not with each message.

    Parameters
    ----------
    endpoint: the WebSocket stage's management address, `https://ID.execute-api.REGION…/STAGE`.
    session: botocore's session, for credentials and region.
    pause: called with the seconds to wait before the next attempt.
    left: returns the seconds that the caller has for a post.
    clock: returns seconds.
    """

    def __init__(
        self,
        endpoint: str,
        session: Any,
        pause: Callable[[float], None] = time.sleep,
        left: Callable[[], float] = lambda: BUDGET,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        parts = urlsplit(endpoint)
        tls = parts.scheme == "https"
        self._prefix = f"{parts.path.rstrip('/')}/@connections/"
        region = session.get_config_variable("region") or "us-east-1"
        self._signer = Signer(session.get_credentials(), region, parts.netloc)
        self._pause = pause
        self._left = left
        self._clock = clock
        self._silent: OrderedDict[str, float] = OrderedDict()
        self._client = Client(
            parts.hostname or "",
            parts.port or (443 if tls else 80),
            tls=tls,
            authorities=session.get_config_variable("ca_bundle"),
        )

    def post(self, connection_ids: Sequence[str], frame: bytes) -> list[str]:
        """Sends the frame to each; returns those that are gone.

        Raises
        ------
        Refused: the service refuses this stack's requests.
        Unreachable: the frame reached none of several that may be there.
        """
        assert len(frame) <= MAX_FRAME, "a frame is cut before it comes here"
        until = self._clock() + max(LEAST, min(BUDGET, self._left()))
        silent = self._known_silent(connection_ids)
        statuses = self._send("POST", frame, connection_ids, until, silent)
        fresh = [
            status for one, status in zip(connection_ids, statuses, strict=True)
            if one not in silent or status not in (UNANSWERED, UNSENT)
        ]  # fmt: skip
        self._note_silent(connection_ids, statuses, silent, late=self._clock() >= until)
        self._report(statuses, fresh)
        return [one for one, status in zip(connection_ids, statuses, strict=True) if status == GONE]

    def close(self, connection_id: str, code: int) -> None:
        """Closes a connection. API Gateway chooses the code itself."""
        until = self._clock() + max(LEAST, min(BUDGET, self._left()))
        statuses = self._send("DELETE", b"", [connection_id], until)
        self._report(statuses, statuses)

    def _report(self, statuses: Sequence[int], fresh: Sequence[int]) -> None:
        """Says how many got nothing; raises where nobody got anything.

        Parameters
        ----------
        fresh: the statuses apart from those of connections that were silent before and still are:
            nobody gains by another try of these.
        """
        failed = Counter(status for status in statuses if status not in OK and status != GONE)
        if not failed:
            return
        if not any(status in OK for status in statuses):
            refused = sorted(failed.keys() - PASSING)
            if refused:
                raise Refused(f"API Gateway answered {refused}")
            if len([status for status in fresh if status in PASSING]) > 1:
                raise Unreachable(f"API Gateway answered {sorted(failed)}")
        logger.warning(
            "frames not posted: their clients will ask for what they miss",
            extra={
                "count": sum(failed.values()),
                "statuses": {str(status): count for status, count in failed.items()},
            },
        )

    def _known_silent(self, connection_ids: Sequence[str]) -> frozenset[str]:
        """Returns those that were silent lately."""
        now = self._clock()
        while self._silent and next(iter(self._silent.values())) <= now - SILENT_FOR:
            self._silent.popitem(last=False)
        return frozenset(self._silent.keys() & set(connection_ids)) if self._silent else frozenset()

    def _note_silent(
        self,
        connection_ids: Sequence[str],
        statuses: Sequence[int],
        silent: Collection[str],
        *,
        late: bool,
    ) -> None:
        """Remembers who alone did not answer in time. Where nobody did, it is not the
        connections."""
        alone = late and any(status in OK for status in statuses)
        if not silent and not alone:
            return
        for one, status in zip(connection_ids, statuses, strict=True):
            if status == UNANSWERED and (alone or one in silent):
                self._silent[one] = self._clock()
                self._silent.move_to_end(one)
                if len(self._silent) > SILENT:
                    self._silent.popitem(last=False)
            elif status in OK or status == GONE:
                self._silent.pop(one, None)

    def _send(
        self,
        method: str,
        body: bytes,
        connection_ids: Sequence[str],
        until: float,
        silent: Collection[str] = (),
    ) -> list[int]:
        """Returns the status that ended each; UNANSWERED where no answer came.

        What may pass is tried again when all have been tried, so that nobody waits for another's
        pause; the `silent` come last, once.
        """
        paths = [f"{self._prefix}{quote(one, safe='')}" for one in connection_ids]
        statuses = [UNANSWERED] * len(paths)
        left = [place for place, one in enumerate(connection_ids) if one not in silent]
        for attempt in range(ATTEMPTS):
            if not left or (seconds := until - self._clock()) <= 0:
                break
            # A function that was frozen may find all its connections closed: no need to wait.
            if attempt > 1 or any(statuses[place] != STALE for place in left if attempt):
                self._pause(min(random.uniform(0, 0.05 * 2**attempt), seconds))
            self._try(method, body, paths, left, statuses, until - self._clock())
            left = [place for place in left if statuses[place] in PASSING]
        last = [place for place, one in enumerate(connection_ids) if one in silent]
        if last:
            seconds = min(SILENT_BUDGET, until - self._clock())
            self._try(method, body, paths, last, statuses, seconds)
        return [UNANSWERED if status == STALE else status for status in statuses]

    def _try(
        self,
        method: str,
        body: bytes,
        paths: Sequence[str],
        places: Sequence[int],
        statuses: list[int],
        seconds: float,
    ) -> None:
        """Sends to those at `places`, and puts down what became of it."""
        request = self._signer.signed(method, body, datetime.now(UTC))
        answered = self._client.exchange(
            (request(paths[place]) for place in places), max(seconds, 0)
        )
        for place, status in zip(places, answered, strict=True):
            statuses[place] = status

    def shutdown(self) -> None:
        """Closes what is kept open."""
        self._client.close()
