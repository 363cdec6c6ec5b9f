"""One table, with Python values in and out, and named errors.

Every read is a GetItem, BatchGetItem or Query. Only `Table.every` scans, and only an operator's
commands and schedules call it.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from adapters.dynamodb.values import decode, encode
from domain.errors import Throttled

Item = dict[str, Any]

THROTTLES = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
        "TransactionConflictException",
        "TransactionInProgressException",
        "InternalServerError",
        "LimitExceededException",
    }
)
"""Error codes of transient errors. botocore's own retries are spent when one of them arrives
here."""

CONTENDED = "TransactionConflict"
"""The code for an item that another transaction holds, for single writes and for cancelled
transactions."""

PASSING = frozenset({CONTENDED, "ThrottlingError", "ProvisionedThroughputExceeded"})
"""Transient reasons of a cancelled transaction."""

ATTEMPTS = 4
"""Attempts for unprocessed items of BatchGetItem and BatchWriteItem, and for throttled calls."""

BATCH_GET, BATCH_WRITE = 100, 25
"""DynamoDB's limits: keys per BatchGetItem and items per BatchWriteItem."""


class ConditionFailed(Exception):
    """The condition of a write did not hold.

    Attributes
    ----------
    item: the existing item, if the call asked for it and there was one.
    """

    def __init__(self, item: Item | None = None) -> None:
        super().__init__("the condition of a write did not hold")
        self.item = item


def encode_item(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: encode(value) for name, value in item.items()}


def decode_item(item: Mapping[str, Any]) -> Item:
    return {name: decode(value) for name, value in item.items()}


class Table:
    """A DynamoDB table.

    Parameters
    ----------
    client: boto3's `dynamodb` client.
    name: the table's name.
    pause: called with the seconds to wait before the next attempt.

    Every method may raise `domain.errors.Throttled` once its retries are spent; methods with a
    condition raise ConditionFailed.
    """

    def __init__(self, client: Any, name: str, pause: Callable[[float], None] = time.sleep) -> None:
        self.client = client
        self.name = name
        self._pause = pause

    def call(
        self, operation: str, *, tries: int = ATTEMPTS, lose: bool = False, **arguments: Any
    ) -> dict[str, Any]:
        """Calls an operation of the client by its Python name, with retries and jitter.

        Parameters
        ----------
        tries: attempts of a throttled call, for callers that retry by other means.
        lose: whether an item that another transaction holds counts as a failed condition instead of
            being waited for.

        Raises
        ------
        ConditionFailed: the condition did not hold.
        domain.errors.Throttled: the retries are spent.
        OSError: DynamoDB was not reached.
        botocore.exceptions.ClientError: any other refusal.
        """
        for attempt in range(tries):
            if attempt:
                self.wait(attempt - 1)
            try:
                answer: dict[str, Any] = getattr(self.client, operation)(**arguments)
                return answer
            except ClientError as error:
                _passing(error, lose)
            except BotoCoreError as error:
                raise OSError(f"{operation}: {type(error).__name__}") from error
        raise Throttled

    def wait(self, attempt: int) -> None:
        """Pauses up to 0.05 s, doubled with each attempt."""
        self._pause(random.uniform(0, 0.05 * 2**attempt))

    def get(self, key: Mapping[str, Any], *, consistent: bool = True) -> Item | None:
        answer = self.call(
            "get_item", TableName=self.name, Key=encode_item(key), ConsistentRead=consistent
        )
        return decode_item(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Sequence[Mapping[str, Any]], *, consistent: bool = True) -> list[Item]:
        """Returns the existing items, in no order; `keys` must not repeat."""
        found: list[Item] = []
        for start in range(0, len(keys), BATCH_GET):
            wanted: Any = [encode_item(key) for key in keys[start : start + BATCH_GET]]
            for attempt in range(ATTEMPTS):
                request = {self.name: {"Keys": wanted, "ConsistentRead": consistent}}
                answer = self.call("batch_get_item", RequestItems=request)
                found += map(decode_item, answer["Responses"].get(self.name, []))
                wanted = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
                if not wanted:
                    break
                self.wait(attempt)
            if wanted:
                raise Throttled
        return found

    def put(
        self, item: Mapping[str, Any], *, condition: str | None = None, **expression: Any
    ) -> None:
        """Puts an item; `names`, `values` and `held` as in `update`."""
        self.call(
            "put_item",
            TableName=self.name,
            Item=encode_item(item),
            **_expression(condition=condition, **expression),
        )

    def update(
        self,
        key: Mapping[str, Any],
        expression: str,
        *,
        names: Mapping[str, str] | None = None,
        values: Mapping[str, Any] | None = None,
        condition: str | None = None,
        held: bool = False,
        returning: str | None = None,
    ) -> Item | None:
        """Updates an item.

        Parameters
        ----------
        names, values: the meaning of `#name` and `:value`.
        held: whether ConditionFailed carries the item.
        returning: `ALL_OLD`, `ALL_NEW` …; the attributes that the call returns.
        """
        more: dict[str, Any] = {"ReturnValues": returning} if returning else {}
        answer = self.call(
            "update_item",
            TableName=self.name,
            Key=encode_item(key),
            UpdateExpression=expression,
            **more,
            **_expression(condition=condition, names=names, values=values, held=held),
        )
        return decode_item(answer["Attributes"]) if "Attributes" in answer else None

    def delete(
        self, key: Mapping[str, Any], *, condition: str | None = None, **expression: Any
    ) -> Item | None:
        """Deletes an item; returns the deleted item, None if there was none."""
        answer = self.call(
            "delete_item",
            TableName=self.name,
            Key=encode_item(key),
            ReturnValues="ALL_OLD",
            **_expression(condition=condition, **expression),
        )
        return decode_item(answer["Attributes"]) if answer.get("Attributes") else None

    def query(
        self,
        condition: str,
        *,
        values: Mapping[str, Any],
        names: Mapping[str, str] | None = None,
        index: str | None = None,
        filter: str | None = None,
        projection: str | None = None,
        descending: bool = False,
        limit: int | None = None,
        consistent: bool = True,
        decoded: bool = True,
    ) -> Iterator[Item]:
        """Yields items by key, page after page; at most `limit`, which counts before `filter` on
        each page and after it in total. An index is read eventually consistent. Without `decoded`
        they are in DynamoDB's wire form, for callers that read a thousand rows."""
        arguments: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": encode_item(values),
            "ScanIndexForward": not descending,
            "ConsistentRead": consistent and index is None,
        }
        optional = {
            "ExpressionAttributeNames": names,
            "IndexName": index,
            "FilterExpression": filter,
            "ProjectionExpression": projection,
        }
        arguments |= {name: value for name, value in optional.items() if value}
        pages = self._pages("query", arguments, limit)
        yield from map(decode_item, pages) if decoded else pages

    def every(self, **arguments: Any) -> Iterator[Item]:
        """Yields every item: a Scan, only for an operator's commands and schedules."""
        pages = self._pages("scan", {"TableName": self.name, **arguments}, None)
        yield from map(decode_item, pages)

    def _pages(
        self, operation: str, arguments: dict[str, Any], limit: int | None
    ) -> Iterator[dict[str, Any]]:
        left = limit
        while left is None or left > 0:
            if left is not None:
                arguments["Limit"] = left
            answer = self.call(operation, **arguments)
            yield from answer["Items"][:left]
            if left is not None:
                left -= len(answer["Items"])
            last = answer.get("LastEvaluatedKey")
            if not last:
                return
            arguments["ExclusiveStartKey"] = last

    def write_many(
        self, puts: Sequence[Mapping[str, Any]] = (), deletes: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        """Puts and deletes without conditions, in batches; no item may appear twice."""
        requests = [{"PutRequest": {"Item": encode_item(item)}} for item in puts]
        requests += [{"DeleteRequest": {"Key": encode_item(key)}} for key in deletes]
        for start in range(0, len(requests), BATCH_WRITE):
            wanted: Any = requests[start : start + BATCH_WRITE]
            for attempt in range(ATTEMPTS):
                answer = self.call("batch_write_item", RequestItems={self.name: wanted})
                wanted = answer.get("UnprocessedItems", {}).get(self.name, [])
                if not wanted:
                    break
                self.wait(attempt)
            if wanted:
                raise Throttled


def _passing(error: ClientError, lose: bool) -> None:
    """Returns if the call may be retried; raises otherwise."""
    code = error.response.get("Error", {}).get("Code", "")
    if code == "ConditionalCheckFailedException":
        held = error.response.get("Item")
        raise ConditionFailed(decode_item(held) if held else None) from None
    reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
    if "ConditionalCheckFailed" in reasons:
        raise ConditionFailed from None
    if lose and (code == f"{CONTENDED}Exception" or CONTENDED in reasons):
        raise ConditionFailed from None
    if code not in THROTTLES and not reasons & PASSING:
        raise error


def _expression(
    *,
    condition: str | None = None,
    names: Mapping[str, str] | None = None,
    values: Mapping[str, Any] | None = None,
    held: bool = False,
) -> dict[str, Any]:
    given: dict[str, Any] = {
        "ConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": encode_item(values) if values else None,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD" if held else None,
    }
    return {name: value for name, value in given.items() if value}
