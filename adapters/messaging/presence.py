"""Background work on Lambda: what takes time is queued, the rest is done right away."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
from botocore.exceptions import BotoCoreError, ClientError

ROOMS = 1_000
"""Rooms that a message names: with ids of 64 characters a quarter of what one may hold."""


class PresenceNotQueued(OSError):
    """The check could not be queued; the presence of a person may stay shown too long."""


class PresenceQueue:
    """Implements the Background port. The queue itself waits out the grace time.

    Parameters
    ----------
    client: botocore's `sqs` client, whose retries are all that there are.
    """

    def __init__(self, client: Any, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def run(self, work: Callable[[], None], owner: str = "") -> None:
        # A process is frozen once it has answered: what is to be done is done before.
        work()

    def presence_check(self, user: str, rooms: Sequence[str]) -> None:
        """Queues a check of whether the person is still in the rooms.

        Raises
        ------
        PresenceNotQueued: the queue did not take it.
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
