"""The items of view rows, and the updates that patch them. A STORAGE FORMAT.

A document that is written as a whole is in `message` (the attribute got this name when only
messages were stored so); as one text it is smaller than a map, and reactions keep their order. Rows
that are patched have one attribute per field. `member` is the name under which the index
`by_member` has the row: for a room's member, their id.
"""

from typing import Any

import orjson

from adapters.dynamodb.table import Item
from domain.projections.store import NUMBER, SAME, Document, Patch

WHOLE, UNDER = "message", "member"


def item_of(pk: str, version: int, key: str, document: Document) -> Item:
    """Returns a row that is written whole."""
    item = {"pk": pk, "sk": key, "v": version, WHOLE: orjson.dumps(document).decode()}
    return {**item, NUMBER: document[NUMBER]} if NUMBER in document else item


def document_of(item: Item) -> Document:
    if WHOLE in item:
        document: Document = orjson.loads(item[WHOLE])
        return document
    return {name: item[name] for name in item if name not in ("pk", "sk", "v", UNDER)}


def update_of(patch: Patch, version: int) -> dict[str, Any]:
    """Returns `Table.update`'s arguments for a patch."""
    fields = dict(patch.fields)
    gone = patch.under is None
    if patch.under not in (None, SAME):
        fields[UNDER] = patch.under
    names = {f"#{name}": name for name in fields} | ({f"#{UNDER}": UNDER} if gone else {})
    sets = "".join(f", #{name} = :{name}" for name in fields)
    return {
        "expression": f"SET v = :v{sets}" + (f" REMOVE #{UNDER}" if gone else ""),
        "names": names,
        "values": {":v": version, **{f":{name}": value for name, value in fields.items()}},
    }
