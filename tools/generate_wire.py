"""Generates files from the wire models (run by `make types`): JSON Schemas in docs/schema/, the
HTTP API's OpenAPI document in functions/openapi.json.

    python -m tools.generate_wire [SCHEMAS [DOCUMENT]]
"""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from domain.protocol import answers, http
from domain.protocol.client import ClientFrame
from domain.protocol.fields import Wire
from domain.protocol.server import PersonEvent, RoomEvent, ServerFrame
from functions.routes.service import DOCUMENT
from tools.openapi import document


def schemas() -> dict[str, dict[str, Any]]:
    """Returns schema documents by file name."""
    bodies = [
        (value, "validation")
        for module in (http, answers)
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Wire)
        and value.__module__ == module.__name__
    ]
    _, http_schema = models_json_schema(bodies, title="HttpBodies")  # type: ignore[arg-type]
    return {
        "client.json": {"title": "ClientFrame", **TypeAdapter[Any](ClientFrame).json_schema()},
        "server.json": {
            "title": "ServerFrame",
            **TypeAdapter[Any](ServerFrame).json_schema(),
        },
        "room-event.json": {"title": "RoomEvent", **TypeAdapter[Any](RoomEvent).json_schema()},
        "person-event.json": {
            "title": "PersonEvent",
            **TypeAdapter[Any](PersonEvent).json_schema(),
        },
        "http.json": http_schema,
    }


def write(path: Path, schema: dict[str, Any]) -> None:
    path.write_text(json.dumps(schema, indent=1, sort_keys=True) + "\n")


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/schema")
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        write(folder / name, schema)
    write(Path(sys.argv[2]) if len(sys.argv) > 2 else DOCUMENT, document())


if __name__ == "__main__":
    main()
