"""The items that rows of views are, and the updates that patch them. A STORAGE FORMAT.

A document that is put whole stands in `message`, the attribute's name since only messages were; as
one text it is smaller than a map, and reactions keep their order. Rows that are patched have an
attribute a field. `member` is the name that a row is under, which the index `by_member` is of: a
room's member is under their own id.
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
