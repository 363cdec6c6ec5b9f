"""Templates of the stack in CloudFormation's form after AWS::LanguageExtensions."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import cfn_flip

from tools.stack.emulator import ROOT

FOR_EACH = "Fn::ForEach::"


@cache
def template(path: str = "template.yaml") -> dict[str, Any]:
    """Returns a template of this checkout in long form, with Fn::ForEach expanded."""
    return load(ROOT / path)


def load(file: Path) -> dict[str, Any]:
    """Returns a template in long form, with Fn::ForEach expanded."""
    found: dict[str, Any] = expanded(json.loads(cfn_flip.to_json(file.read_text())), {})
    return found


def expanded(value: Any, variables: dict[str, str]) -> Any:
    """Returns a part of a template with its loops unrolled and their variables replaced."""
    if isinstance(value, str):
        return _replaced(value, variables)
    if isinstance(value, list):
        return [expanded(one, variables) for one in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for key, inner in value.items():
        if key.startswith(FOR_EACH):
            name, collection, body = inner
            for one in collection:
                found |= expanded(body, {**variables, name: one})
        else:
            found[_replaced(key, variables)] = expanded(inner, variables)
    text = found.get("Fn::Sub")
    # A substitution that named nothing but the loop's variable is a plain string by now.
    if variables and isinstance(text, str) and "${" not in text:
        return text
    return found


def _replaced(text: str, variables: dict[str, str]) -> str:
    for name, value in variables.items():
        text = text.replace(f"${{{name}}}", value)
    return text
