"""PostToConnection over a light signed HTTPS client.

A boto3 call takes about 1 to 2 ms of CPU and a room of 500 needs 500 of them, so requests are
signed in adapters/apigateway/signing.py and sent by adapters/apigateway/client.py. `python -m
bench.posts` measures a post.
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
"""Attempts of a post that is throttled, gets a server error or is not answered."""

BUDGET = 3.0
"""Seconds that a whole post may take, including retries; API Gateway answers in about 10 ms. Below
the timeout of each function that posts (10 s and more)."""

LEAST = 0.25
"""Seconds for a post whose caller has no time left."""

SILENT_FOR = 60.0
"""Seconds for which a connection that did not answer, while others did, gets only one short
attempt, after the others."""

SILENT_BUDGET = 0.5
"""Seconds for all such attempts of one post."""

SILENT = 10_000
"""Number of silent connections kept; the oldest entry is dropped first."""

GONE = 410
OK = (200, 204)
PASSING = frozenset({UNANSWERED, STALE, UNSENT, 429, 500, 502, 503, 504})


class Refused(PermissionError):
    """API Gateway refuses the stack itself: credentials, policy or address are wrong."""


class Unreachable(OSError):
    """No connection could be given a frame, for a transient reason."""


class ApiGateway:
    """Implements the Gateway port. Any thread may use it.

    If other connections got a frame, a connection that could not get it is skipped: its client sees
    the gap and sends `sync`. Only closed connections are returned.

    A post ends within BUDGET seconds. A connection that does not answer by then counts as not
    delivered, and the next posts try it once, after all others and for SILENT_BUDGET seconds: a
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
        """Sends the frame to each connection; returns the closed ones.

        Raises
        ------
        Refused: the service refuses this stack's requests.
        Unreachable: the frame reached no connection, and some may be open.
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
        """Logs how many connections got nothing; raises if none got anything.

        Parameters
        ----------
        fresh: the statuses without those of connections that were silent before and still are:
            another attempt would not help these.
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
            "frames not posted: their clients will request what they miss",
            extra={
                "count": sum(failed.values()),
                "statuses": {str(status): count for status, count in failed.items()},
            },
        )

    def _known_silent(self, connection_ids: Sequence[str]) -> frozenset[str]:
        """Returns the connections that were recently silent."""
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
        """Records connections that did not answer in time while others did. If none answered, the
        connections are not the cause."""
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
        """Returns the final status of each; UNANSWERED if there was no answer.

        Transient failures are retried after all were tried, so that no connection waits for
        another's pause; the `silent` ones come last, once.
        """
        paths = [f"{self._prefix}{quote(one, safe='')}" for one in connection_ids]
        statuses = [UNANSWERED] * len(paths)
        left = [place for place, one in enumerate(connection_ids) if one not in silent]
        for attempt in range(ATTEMPTS):
            if not left or (seconds := until - self._clock()) <= 0:
                break
            # After a freeze all connections of a function may be closed: there is no need to wait.
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
        """Sends to the connections at `places` and records the results."""
        request = self._signer.signed(method, body, datetime.now(UTC))
        answered = self._client.exchange(
            (request(paths[place]) for place in places), max(seconds, 0)
        )
        for place, status in zip(places, answered, strict=True):
            statuses[place] = status

    def shutdown(self) -> None:
        """Closes all kept connections."""
        self._client.close()
