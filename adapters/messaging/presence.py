"""Background work on Lambda: delayed work is queued, other work is done immediately."""

from collections.abc import Sequence
from typing import Any

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from domain.ports.background import Work

ROOMS = 1_000
"""Rooms in a message: with ids of 64 characters a quarter of the size limit."""


class PresenceNotQueued(OSError):
    """The check could not be queued; the presence of a person may stay shown too long."""


class PresenceQueue:
    """Implements the Background port. The queue itself waits out the grace time.

    Parameters
    ----------
    client: botocore's `sqs` client; there are no other retries than its own.
    """

    def __init__(self, client: Any, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def run(self, work: Work, owner: str = "") -> None:
        # A process is frozen once it has answered, so the work must be done before.
        rest: Work | None = work
        while rest is not None:
            rest = rest()

    def presence_check(self, user: str, rooms: Sequence[str]) -> None:
        """Queues a check whether the person is still in the rooms.

        Raises
        ------
        PresenceNotQueued: the queue did not accept it.
        """
        for start in range(0, len(rooms), ROOMS):
            body = orjson.dumps({"user": user, "rooms": list(rooms[start : start + ROOMS])})
            try:
                self._client.send_message(QueueUrl=self._queue_url, MessageBody=body.decode())
            except ClientError as error:
                code = error.response.get("Error", {}).get("Code", "")
                raise PresenceNotQueued(code) from error
            except BotoCoreError as error:
                raise PresenceNotQueued(type(error).__name__) from error
