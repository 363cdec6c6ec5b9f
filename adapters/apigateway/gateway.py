"""PostToConnection over a light signed HTTPS client.

A boto3 call takes about 1 to 2 ms of CPU and a room of 500 needs 500 of them, so requests are
signed here (adapters/apigateway/signing.py) and sent by a client of our own
(adapters/apigateway/client.py): `python -m bench.posts` has what a post takes.
"""

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from adapters.apigateway.client import STALE, UNANSWERED, Client
from adapters.apigateway.signing import Signer
from domain.protocol.limits import MAX_FRAME

logger = logging.getLogger("parley.apigateway")

ATTEMPTS = 4
"""Tries of a post that is throttled, meets a fault of the service or is not answered."""

GONE = 410
OK = (200, 204)
PASSING = frozenset({UNANSWERED, STALE, 429, 500, 502, 503, 504})


class Refused(PermissionError):
    """API Gateway refuses the stack itself: credentials, policy or address are wrong."""


class Unreachable(OSError):
    """Nobody could be given a frame, for a reason that may pass."""


class ApiGateway:
    """Implements the Gateway port. Any thread may use it.

    Where others got a frame, one that could not be given it is left without: its client sees the
    gap and asks. Only a connection that is gone is answered as such.

    Parameters
    ----------
    endpoint: the WebSocket stage's management address, `https://ID.execute-api.REGION…/STAGE`.
    session: botocore's session, for credentials and region.
    pause: called with the seconds to wait before the next attempt.
    """

    def __init__(
        self, endpoint: str, session: Any, pause: Callable[[float], None] = time.sleep
    ) -> None:
        parts = urlsplit(endpoint)
        tls = parts.scheme == "https"
        self._prefix = f"{parts.path.rstrip('/')}/@connections/"
        region = session.get_config_variable("region") or "us-east-1"
        self._signer = Signer(session.get_credentials(), region, parts.netloc)
        self._pause = pause
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
        statuses = self._send("POST", frame, connection_ids)
        self._report(statuses)
        return [one for one, status in zip(connection_ids, statuses, strict=True) if status == GONE]

    def close(self, connection_id: str, code: int) -> None:
        """Closes a connection. API Gateway chooses the code itself."""
        self._report(self._send("DELETE", b"", [connection_id]))

    def _report(self, statuses: Sequence[int]) -> None:
        """Says how many got nothing; raises where nobody got anything."""
        failed = Counter(status for status in statuses if status not in OK and status != GONE)
        if not failed:
            return
        if not any(status in OK for status in statuses):
            refused = sorted(failed.keys() - PASSING)
            if refused:
                raise Refused(f"API Gateway answered {refused}")
            if len(statuses) > 1:
                raise Unreachable(f"API Gateway answered {sorted(failed)}")
        logger.warning(
            "frames not posted: their clients will ask for what they miss",
            extra={
                "count": sum(failed.values()),
                "statuses": {str(status): count for status, count in failed.items()},
            },
        )

    def _send(self, method: str, body: bytes, connection_ids: Sequence[str]) -> list[int]:
        """Returns the status that ended each; UNANSWERED where no answer came.

        What may pass is tried again when all have been tried, so that nobody waits for another's
        pause.
        """
        paths = [f"{self._prefix}{quote(one, safe='')}" for one in connection_ids]
        statuses = [UNANSWERED] * len(paths)
        left = list(range(len(paths)))
        for attempt in range(ATTEMPTS):
            # A function that was frozen may find all its connections closed: no need to wait.
            if attempt > 1 or any(statuses[place] != STALE for place in left if attempt):
                self._pause(random.uniform(0, 0.05 * 2**attempt))
            request = self._signer.signed(method, body, datetime.now(UTC))
            answered = self._client.exchange(request(paths[place]) for place in left)
            for place, status in zip(left, answered, strict=True):
                statuses[place] = status
            left = [place for place in left if statuses[place] in PASSING]
            if not left:
                break
        return [UNANSWERED if status == STALE else status for status in statuses]

    def shutdown(self) -> None:
        """Closes what is kept open."""
        self._client.close()
