"""The archive's Firehose stream.

Firehose bills each record as a multiple of 5 KB, so a record has many events; its conversion to
Parquet splits the JSON documents of a record again.
"""

import logging
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from domain.chat.archiving import packed

logger = logging.getLogger("parley.messaging")

RECORD_BYTES = 900_000
"""Bytes of a record: Firehose accepts 1,000 KiB."""

CALL_RECORDS = 4
"""Records of a PutRecordBatch: even with the longest records it stays under 4 MiB."""

ATTEMPTS = 4
"""Attempts of a record; with the pauses between them at most about 2 s."""


class Firehose:
    """Implements the Archive port; a document may be delivered twice.

    Parameters
    ----------
    client: botocore's `firehose` client.
    stream: the delivery stream's name.
    pause: called with the seconds to wait before the next attempt.
    """

    def __init__(
        self, client: Any, stream: str, *, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._stream = stream
        self._pause = pause

    def put(self, documents: Sequence[bytes]) -> list[int]:
        runs = list(packed(documents, RECORD_BYTES))
        failed: list[int] = []
        for start in range(0, len(runs), CALL_RECORDS):
            for run in self._put(documents, runs[start : start + CALL_RECORDS]):
                failed += run
        return failed

    def _put(self, documents: Sequence[bytes], runs: Sequence[range]) -> Sequence[range]:
        """Returns the runs that were not accepted."""
        code = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self._pause(random.uniform(0, 0.2 * 2**attempt))
            records = [{"Data": b"".join(documents[run.start : run.stop])} for run in runs]
            runs, code = self._left(runs, records)
            if not runs:
                return ()
        logger.warning("not archived", extra={"code": code, "count": sum(map(len, runs))})
        return runs

    def _left(
        self, runs: Sequence[range], records: Sequence[dict[str, bytes]]
    ) -> tuple[Sequence[range], str]:
        """Sends records; returns the runs of those that were not accepted, and the reason."""
        try:
            answer = self._client.put_record_batch(DeliveryStreamName=self._stream, Records=records)
        except ClientError as error:
            return runs, error.response.get("Error", {}).get("Code", "")
        except BotoCoreError as error:
            return runs, type(error).__name__
        if not answer["FailedPutCount"]:
            return (), ""
        refused = [
            (run, told["ErrorCode"])
            for run, told in zip(runs, answer["RequestResponses"], strict=True)
            if told.get("ErrorCode")
        ]
        return [run for run, _ in refused], refused[0][1] if refused else ""
