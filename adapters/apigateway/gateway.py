"""PostToConnection over a light signed HTTPS client.

A boto3 call takes about 1 to 2 ms of CPU and a room of 500 needs 500 of them, so requests are
signed here (adapters/apigateway/signing.py) and sent over urllib3's pool of kept connections.
"""

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3

from adapters.apigateway.signing import Signer, digest_of
from domain.protocol.fields import MAX_FRAME

logger = logging.getLogger("parley.apigateway")

THREADS = 32
"""Posts at a time. With an answer after 10 ms, 50 posts took 37 ms with 32 threads, 50 with 16 and
41 with 64: then the processor is the limit."""

ATTEMPTS = 4
"""Tries of a post that is throttled or meets a fault of the service."""

TIMEOUT = urllib3.Timeout(connect=2.0, read=5.0)

GONE = 410
OK = (200, 204)
PASSING = frozenset({429, 500, 502, 503, 504})


class Refused(PermissionError):
    """API Gateway refuses the stack itself: credentials, policy or address are wrong."""


class Unreachable(OSError):
    """Nobody could be given a frame, for a reason that may pass."""


class ApiGateway:
    """Implements the Gateway port.

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
        self._prefix = f"{parts.path.rstrip('/')}/@connections/"
        region = session.get_config_variable("region") or "us-east-1"
        self._signer = Signer(session.get_credentials(), region, parts.netloc)
        self._pause = pause
        self._http = urllib3.connection_from_url(
            f"{parts.scheme}://{parts.netloc}",
            maxsize=THREADS,
            block=True,
            retries=False,
            timeout=TIMEOUT,
        )
        self._threads: ThreadPoolExecutor | None = None

    def post(self, connection_ids: Sequence[str], frame: bytes) -> list[str]:
        """Sends the frame to each; returns those that are gone.

        Raises
        ------
        Refused: the service refuses this stack's requests.
        Unreachable: the frame reached none of several that may be there.
        """
        assert len(frame) <= MAX_FRAME, "a frame is cut before it comes here"
        if len(connection_ids) == 1:
            statuses = [self._send("POST", frame, digest_of(frame), connection_ids[0])]
        else:
            statuses = self._send_all(connection_ids, frame)
        self._report(statuses)
        return [one for one, status in zip(connection_ids, statuses, strict=True) if status == GONE]

    def close(self, connection_id: str, code: int) -> None:
        """Closes a connection. API Gateway chooses the code itself."""
        self._report([self._send("DELETE", b"", digest_of(b""), connection_id)])

    def _send_all(self, connection_ids: Sequence[str], frame: bytes) -> list[int]:
        if not connection_ids:
            return []
        if self._threads is None:
            self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="parley-post")
        send = partial(self._send, "POST", frame, digest_of(frame))
        return list(self._threads.map(send, connection_ids))

    def _report(self, statuses: Sequence[int]) -> None:
        """Says how many got nothing; raises where nobody got anything."""
        failed = Counter(status for status in statuses if status not in OK and status != GONE)
        if not failed:
            return
        if not any(status in OK for status in statuses):
            refused = sorted(status for status in failed if status and status not in PASSING)
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

    def _send(self, method: str, body: bytes, digest: str, connection_id: str) -> int:
        """Returns the status that ended it; 0 where no answer came."""
        # Quoted once for the path; the signature quotes the path again, as SigV4 wants it.
        path = f"{self._prefix}{quote(connection_id, safe='')}"
        status = 0
        for attempt in range(ATTEMPTS):
            if attempt:
                self._pause(random.uniform(0, 0.05 * 2**attempt))
            status = self._try(method, path, body, digest)
            if status and status not in PASSING:
                break
        return status

    def _try(self, method: str, path: str, body: bytes, digest: str) -> int:
        headers = self._signer.headers(method, path, digest, datetime.now(UTC))
        try:
            answer = self._http.urlopen(method, path, body=body, headers=headers)
        except urllib3.exceptions.HTTPError:
            return 0
        return int(answer.status)

    def shutdown(self) -> None:
        """Closes what is kept open."""
        if self._threads is not None:
            self._threads.shutdown()
        self._http.close()
