"""Counts the calls of botocore's sessions, and the units that AWS bills for each.

Sizes are those of the sent bytes; rules are AWS's: a write unit per started KB, a read unit per
started 4 KB (half if eventually consistent), twice that in a transaction, an index write if a
projected attribute changed; requests of SNS and SQS per started 64 KB.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tools.cost.template import tables

KB = 1024
MESSAGE_CHUNK = 64 * KB
Wire = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A billable call.

    Attributes
    ----------
    target: short name of the table, topic or queue.
    units: units by the names of prices.PRICES.
    """

    function: str
    operation: str
    target: str
    units: Mapping[str, float]


@dataclass
class Meter:
    """The calls, in order."""

    calls: list[Call] = field(default_factory=list)

    def add(self, function: str, operation: str, target: str = "", **units: float) -> None:
        self.calls.append(Call(function, operation, target, units))

    def units(self, function: str | None = None) -> Counter[str]:
        found: Counter[str] = Counter()
        for call in self.calls:
            if function in (None, call.function):
                found.update(call.units)
        return found

    def operations(self, function: str | None = None) -> Counter[tuple[str, str, str]]:
        """Returns how often (function, operation, target) was called."""
        return Counter(
            (call.function, call.operation, call.target)
            for call in self.calls
            if function in (None, call.function)
        )

    def clear(self) -> None:
        self.calls.clear()

    def watch(self, session: Any, function: str, plain: Any) -> None:
        """Counts the calls of clients that `session` makes from now on.

        Parameters
        ----------
        plain: a `dynamodb` client whose calls are not counted, to read items.
        """
        Watcher(self, function, plain).register(session)


class Watcher:
    def __init__(self, meter: Meter, function: str, plain: Any) -> None:
        self._meter = meter
        self._function = function
        self._plain = plain

    def register(self, session: Any) -> None:
        session.register("before-parameter-build", self._before)
        session.register("after-call", self._after)

    def _before(self, params: Any, model: Any, context: dict[str, Any], **_: Any) -> None:
        context["parley_asked"] = params
        if model.service_model.service_name == "dynamodb":
            written = writes(model.name, params)
            context["parley_items"] = [(*one, self._item(*one)) for one in written]

    def _after(self, parsed: Any, model: Any, context: dict[str, Any], **_: Any) -> None:
        service, asked = model.service_model.service_name, context["parley_asked"]
        name = model.name
        if service == "dynamodb":
            self._dynamodb(name, asked, parsed, context["parley_items"])
        elif service == "sns":
            size = sum(map(message_bytes, asked["PublishBatchRequestEntries"]))
            units = {"publish": math.ceil(size / MESSAGE_CHUNK), "published": size}
            self._meter.add(self._function, name, short(asked["TopicArn"]), **units)
        elif service == "sqs":
            entries = asked.get("Entries") or [asked]
            size = sum(len(entry["MessageBody"].encode()) for entry in entries)
            target = short(asked["QueueUrl"])
            unit = "sqs_fifo" if asked["QueueUrl"].endswith(".fifo") else "sqs"
            self._meter.add(self._function, name, target, **{unit: math.ceil(size / MESSAGE_CHUNK)})
        elif service == "kms":
            self._meter.add(self._function, name, "vault", kms=1)
        else:
            raise AssertionError(f"{service} has no rule")

    def _item(self, table: str, key: Wire) -> Wire | None:
        found = self._plain.get_item(TableName=table, Key=key, ConsistentRead=True)
        item: Wire | None = found.get("Item")
        return item

    def _dynamodb(
        self,
        operation: str,
        asked: Wire,
        answer: Wire,
        before: Sequence[tuple[str, Wire, Wire | None]],
    ) -> None:
        wru: Counter[str] = Counter()
        each = 2 if operation.startswith("Transact") else 1
        for table, key, was in before:
            wru[table] += each * write_units(short(table), was, self._item(table, key))
        for table, amount in wru.items():
            self._meter.add(self._function, operation, short(table), wru=amount)
        if operation == "BatchGetItem":
            for table, wanted in asked["RequestItems"].items():
                found = answer["Responses"].get(table, [])
                missing = len(wanted["Keys"]) - len(found)
                read = sum(map(_read_units, found)) + missing
                self._meter.add(self._function, operation, short(table), rru=read)
        elif operation == "GetItem":
            rru = _read_units(answer.get("Item", {})) * _consistency(asked)
            self._meter.add(self._function, operation, short(asked["TableName"]), rru=rru)
        elif operation in ("Query", "Scan"):
            size = sum(map(item_size, self._whole(operation, asked)))
            rru = max(1, math.ceil(size / (4 * KB))) * _consistency(asked)
            self._meter.add(self._function, operation, short(asked["TableName"]), rru=rru)

    def _whole(self, operation: str, asked: Wire) -> Iterable[Wire]:
        """Returns the items that were read: a filter or projection does not reduce the cost."""
        dropped = ("ProjectionExpression", "FilterExpression")
        again = {name: value for name, value in asked.items() if name not in dropped}
        expressions = " ".join(str(again.get(n, "")) for n in ("KeyConditionExpression",))
        names = again.get("ExpressionAttributeNames", {})
        used = {name: value for name, value in names.items() if name in expressions}
        again.pop("ExpressionAttributeNames", None)
        if used:
            again["ExpressionAttributeNames"] = used
        call = self._plain.query if operation == "Query" else self._plain.scan
        items: Iterable[Wire] = call(**again)["Items"]
        return items


def _consistency(asked: Wire) -> float:
    return 1.0 if asked.get("ConsistentRead") else 0.5


def _read_units(item: Wire) -> int:
    return max(1, math.ceil(item_size(item) / (4 * KB)))


def short(name: str) -> str:
    """Returns the name of a table, topic or queue without the stack's: `cost-views.fifo` is
    `views`."""
    return name.rsplit("/", 1)[-1].rsplit(":", 1)[-1].removeprefix("cost-").removesuffix(".fifo")


def message_bytes(entry: Wire) -> int:
    """Returns the bytes of a message, including its attributes."""
    attributes = entry.get("MessageAttributes", {})
    return len(entry["Message"].encode()) + sum(
        len(name) + len(value["DataType"]) + len(value["StringValue"].encode())
        for name, value in attributes.items()
    )


def keys_of(table: str, item: Wire) -> dict[str, Any]:
    names = [key["AttributeName"] for key in tables()[short(table)]["KeySchema"]]
    return {name: item[name] for name in names}


def writes(operation: str, asked: Wire) -> list[tuple[str, dict[str, Any]]]:
    """Returns the (table, key) of each item that a call writes."""
    if operation == "PutItem":
        return [(asked["TableName"], keys_of(asked["TableName"], asked["Item"]))]
    if operation in ("UpdateItem", "DeleteItem"):
        return [(asked["TableName"], asked["Key"])]
    if operation == "TransactWriteItems":
        found = []
        for request in asked["TransactItems"]:
            ((kind, one),) = request.items()
            table = one["TableName"]
            found.append((table, keys_of(table, one["Item"]) if kind == "Put" else one["Key"]))
        return found
    if operation == "BatchWriteItem":
        return [
            (table, keys_of(table, one["Item"]) if kind == "PutRequest" else one["Key"])
            for table, requests in asked["RequestItems"].items()
            for request in requests
            for kind, one in request.items()
        ]
    return []


def write_units(table: str, before: Wire | None, after: Wire | None) -> int:
    """Returns the write units of one write, including its indexes."""
    size = max(item_size(before or {}), item_size(after or {}))
    units = max(1, math.ceil(size / KB))
    for index in tables()[table].get("GlobalSecondaryIndexes", ()):
        units += _index_units(table, index, before or {}, after or {})
    return units


def _index_units(table: str, index: Wire, before: Wire, after: Wire) -> int:
    hashed, *_ = (key["AttributeName"] for key in index["KeySchema"])
    names = {key["AttributeName"] for key in (*index["KeySchema"], *tables()[table]["KeySchema"])}
    names |= set(index["Projection"].get("NonKeyAttributes", ()))
    old = {name: before[name] for name in names & before.keys()} if hashed in before else {}
    new = {name: after[name] for name in names & after.keys()} if hashed in after else {}
    if old == new:
        return 0
    unit = max(1, math.ceil(max(item_size(old), item_size(new)) / KB))
    moved = old and new and old[hashed] != new[hashed]
    return 2 * unit if moved else unit


def item_size(item: Wire) -> int:
    """Returns an item's bytes as DynamoDB counts them."""
    return sum(len(name.encode()) + value_size(value) for name, value in item.items())


def value_size(value: Wire) -> int:
    ((kind, inner),) = value.items()
    if kind == "S":
        return len(inner.encode())
    if kind == "N":
        return math.ceil(len(inner.lstrip("-0").replace(".", "")) / 2) + 1
    if kind == "B":
        return len(inner)
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + value_size(one) for name, one in inner.items())
    if kind == "L":
        return 3 + sum(1 + value_size(one) for one in inner)
    return 1
