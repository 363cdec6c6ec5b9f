"""The templates, read as CloudFormation will: resources by kind, policies, environments."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.dynamodb import KEYS
from tools.stack.parts import PARTS, resources
from tools.stack.templates import template

ROOT = Path(__file__).parents[3]
Properties = dict[str, Any]
TABLES = {f"{name.capitalize()}Table": name for name in KEYS}
NO_RECOVERY = {"KeysTable": "a destroyed key must be nowhere"}
"""Tables without point-in-time recovery, and why."""
MAY_SCAN = {"SweepFunction": "a schedule runs it, no person"}
ANYTHING = {
    "VaultKey": "in a key's policy, `*` is the key",
}
"""Resources whose policy may say `*`, and why."""
OPEN_ROUTES = {
    "POST /api/session",
    "GET /api/openapi.json",
    "GET /healthz",
    "GET /readyz",
    "GET /api/unsubscribe",
    "POST /api/unsubscribe",
}


def of_type(kind: str) -> dict[str, Properties]:
    """Returns the properties of a type's resources by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in resources().items()
        if resource["Type"] == kind
    }


def functions() -> dict[str, Properties]:
    return of_type("AWS::Serverless::Function")


def queues() -> dict[str, Properties]:
    return of_type("AWS::SQS::Queue")


def sources() -> dict[str, Properties]:
    return of_type("AWS::Lambda::EventSourceMapping")


def stream_sources() -> dict[str, Properties]:
    return {n: p for n, p in sources().items() if named(p["EventSourceArn"]) == "EventsTable"}


def queue_sources() -> dict[str, Properties]:
    return {n: p for n, p in sources().items() if named(p["EventSourceArn"]) in queues()}


def named(value: Any) -> str:
    """Returns the logical id that a value names, `AuthorizeFunction` of its alias too.

    Stacks know each other's resources by name, so a table's ARN is put together and a queue's name
    is the end of its address.
    """
    if "Ref" in value:
        return str(value["Ref"]).partition(".")[0].replace("EventsStreamArn", "EventsTable")
    if "Fn::Select" in value:
        return named(value["Fn::Select"][1]["Fn::Split"][1])
    if "Fn::Sub" in value:
        found = re.fullmatch(r"arn:\S+[:/]\$\{(\w+)\}", value["Fn::Sub"])
        return found[1] if found else ""
    return str(value["Fn::GetAtt"][0])


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def within(value: Any, key: str) -> Iterator[Any]:
    """Yields what stands under a key, at any depth."""
    if isinstance(value, dict):
        if key in value:
            yield value[key]
        for inner in value.values():
            yield from within(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from within(inner, key)


def statements(value: Any) -> list[Properties]:
    """Returns the policy statements in a resource, those behind a condition too."""
    flat: list[Properties] = []
    for found in within(value, "Statement"):
        for statement in as_list(found):
            choices = statement.get("Fn::If", [None, statement])[1:]
            flat += [choice for choice in choices if "Effect" in choice]
    return flat


def actions_of(statement: Properties) -> list[str]:
    """Returns the actions, of both choices where the emulator has others."""
    action = statement["Action"]
    choices = action["Fn::If"][1:] if isinstance(action, dict) else [action]
    return [name for choice in choices for name in as_list(choice)]


def environment(name: str) -> Properties:
    """Returns a function's own settings and those of all; what AWS's SDK reads is none."""
    shared = template()["Globals"]["Function"]["Environment"]["Variables"]
    settings = {**shared, **functions()[name]["Environment"]["Variables"]}
    return {key: value for key, value in settings.items() if not key.startswith("AWS_")}


def function_of(source: Properties) -> tuple[str, Properties]:
    name = named(source["FunctionName"])
    return name, functions()[name]


def timeout(function: Properties) -> int:
    return int(function.get("Timeout", template()["Globals"]["Function"]["Timeout"]))


def actions(function: str) -> set[str]:
    return {a for s in statements(functions()[function]) for a in actions_of(s)}


FAILURES = {"Errors", "Internal", "Retried", "Parked"}


def watched(function: str) -> set[str]:
    """Returns the failures that a function can count: by a queue or stream, or by an answer."""
    fed = [source for source in sources().values() if named(source["FunctionName"]) == function]
    parks = "PROGRESS_TABLE" in environment(function)
    consumer = {"Retried", "Parked"} if parks else {"Retried"}
    return {"Errors"} | (consumer if fed else {"Internal"} if function in ANSWERING else set())


ANSWERING = {"SocketMessageFunction", "HttpApiFunction"}
"""Functions that turn what went wrong into an answer; the others raise."""


def by_name(attributes: list[Properties]) -> list[Properties]:
    return sorted(attributes, key=lambda attribute: str(attribute["AttributeName"]))


def parameters() -> dict[str, Properties]:
    return {n: p for part in PARTS for n, p in template(part.source)["Parameters"].items()}
