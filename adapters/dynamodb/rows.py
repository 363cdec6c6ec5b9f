"""The items of view rows, and the updates that patch them. A STORAGE FORMAT.

A document that is written as a whole is in `message` (the attribute got this name when only
messages were stored so); as one text it is smaller than a map, and reactions keep their order. A
patch writes one attribute per field, which overrides the field in that text. `member` is the name
under which the index `by_member` has the row: for a room's member, their id. A field that has the
name of an attribute of this module is stored under that name with `_` before it.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from adapters.dynamodb.table import Item
from domain.projections.store import NUMBER, SAME, Document, Patch

WHOLE, UNDER = "message", "member"

ROW = frozenset({"pk", "sk", "v", WHOLE, UNDER})
"""The adapter's own attributes of a row."""

OWN = ROW | {"generation", "version"}
"""Those of rows and heads."""


def item_of(pk: str, version: int, key: str, document: Document) -> Item:
    """Returns a row that is written whole."""
    item = {"pk": pk, "sk": key, "v": version, WHOLE: orjson.dumps(document).decode()}
    return {**item, NUMBER: document[NUMBER]} if NUMBER in document else item


def stored_name(field: str) -> str:
    """Returns the attribute of a field: fields must not hide the adapter's own attributes."""
    return f"_{field}" if field in OWN or field.startswith("_") else field


def field_of(name: str) -> str:
    """Returns the field of an attribute."""
    return name.removeprefix("_")


def document_of(item: Item) -> Document:
    fields = {field_of(name): item[name] for name in item if name not in ROW}
    if WHOLE not in item:
        return fields
    document: Document = orjson.loads(item[WHOLE])
    return document | fields if fields else document


def sets_of(fields: Mapping[str, Any]) -> tuple[str, dict[str, str], dict[str, Any]]:
    """Returns the assignments of an update that sets fields, its names and its values."""
    names = {f"#{number}": stored_name(field) for number, field in enumerate(fields)}
    values = {f":{number}": value for number, value in enumerate(fields.values())}
    return ", ".join(f"#{number} = :{number}" for number in range(len(fields))), names, values


def update_of(patch: Patch, version: int) -> dict[str, Any]:
    """Returns `Table.update`'s arguments for a patch."""
    sets, names, values = sets_of(patch.fields)
    expression = f"SET v = :v, {sets}" if sets else "SET v = :v"
    values[":v"] = version
    if patch.under is None:
        names["#under"] = UNDER
        expression += " REMOVE #under"
    elif patch.under != SAME:
        names["#under"], values[":under"] = UNDER, patch.under
        expression += ", #under = :under"
    return {"expression": expression, "names": names, "values": values}
