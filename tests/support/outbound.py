"""What leaves the log, kept for a look: the real adapters over clients that remember."""

from collections.abc import Collection
from typing import Any

import orjson

from adapters.memory.once import MemoryOnce
from adapters.messaging.firehose import Firehose
from adapters.messaging.topic import Relay
from domain.errors import Throttled
from domain.ports.outbound import Notice


class Outside:
    """SNS, Firehose and mail in one; what is in `refused` is never taken.

    Parameters
    ----------
    refused: `stream:version` of events, `user` of notices.
    """

    def __init__(self, refused: Collection[str] = ()) -> None:
        self.refused = refused
        self.published: list[list[Any]] = []
        """`[stream:version, attributes]` of each."""
        self.archived: list[list[Any]] = []
        """`[log, version, day]` of each."""
        self.notices: list[list[Any]] = []
        """`[user, kind, room, version, name]` of each."""
        self.channel = "outside"

    def services(self) -> dict[str, Any]:
        """Returns the fields of Services that lead here."""
        return {
            "topic": Relay(self, "arn", pause=lambda seconds: None),
            "archive": Firehose(self, "archive", pause=lambda seconds: None),
            "once": MemoryOnce(),
            "notifiers": (self,),
        }

    def publish_batch(
        self,
        TopicArn: str,  # noqa: N803
        PublishBatchRequestEntries: list[dict[str, Any]],  # noqa: N803
    ) -> dict[str, Any]:
        taken, failed = [], []
        for one in PublishBatchRequestEntries:
            name = one["MessageDeduplicationId"]
            if name in self.refused:
                failed.append({"Id": one["Id"], "Code": "Throttled", "SenderFault": False})
                continue
            attributes = one["MessageAttributes"]
            told = {key: value["StringValue"] for key, value in attributes.items()}
            self.published.append([name, told])
            taken.append({"Id": one["Id"]})
        return {"Successful": taken, "Failed": failed}

    def put_record_batch(self, DeliveryStreamName: str, Records: list[Any]) -> Any:  # noqa: N803
        answers = []
        for record in Records:
            rows = [orjson.loads(line) for line in record["Data"].splitlines()]
            if any(f"{row['log']}:{row['version']}" in self.refused for row in rows):
                answers.append({"ErrorCode": "ServiceUnavailableException"})
                continue
            self.archived += [[row["log"], row["version"], row["day"]] for row in rows]
            answers.append({"RecordId": "1"})
        return {
            "FailedPutCount": sum("ErrorCode" in answer for answer in answers),
            "RequestResponses": answers,
        }

    def notify(self, notice: Notice) -> None:
        if notice.user in self.refused:
            raise Throttled
        self.notices.append([notice.user, notice.kind, notice.room, notice.version, notice.name])
