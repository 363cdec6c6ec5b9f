"""Values in the templates that affect the cost."""

from typing import Any

from tools.stack.parts import resources
from tools.stack.templates import template

PITR = "PointInTimeRecoverySpecification"


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """Returns the properties of a type's resources by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in resources().items()
        if resource["Type"] == kind
    }


def tables() -> dict[str, dict[str, Any]]:
    """Returns CreateTable's arguments by the table's short name, for example `events`."""
    wanted = (
        "AttributeDefinitions",
        "KeySchema",
        "BillingMode",
        "GlobalSecondaryIndexes",
    )
    return {
        name.removesuffix("Table").lower(): {key: had[key] for key in wanted if key in had}
        for name, had in of_type("AWS::DynamoDB::Table").items()
    }


def memory(function: str) -> int:
    """Returns a function's memory in MB; `socket_message` is SocketMessageFunction."""
    name = "".join(part.capitalize() for part in function.split("_")) + "Function"
    common = template()["Globals"]["Function"]["MemorySize"]
    return int(of_type("AWS::Serverless::Function")[name].get("MemorySize", common))


def traces() -> bool:
    """Returns whether functions send traces with the template's defaults."""
    mode = template()["Globals"]["Function"].get("Tracing", "PassThrough")
    if isinstance(mode, dict):
        mode = _default(mode)
    return bool(mode == "Active")


def _default(intrinsic: dict[str, Any]) -> Any:
    """Returns the default value of a Ref, or of an If on one condition `Equals [Ref, value]`."""
    parameters = template()["Parameters"]
    if "Ref" in intrinsic:
        return parameters[intrinsic["Ref"]]["Default"]
    condition, yes, no = intrinsic["Fn::If"]
    left, right = template()["Conditions"][condition]["Fn::Equals"]
    return yes if parameters[left["Ref"]]["Default"] == right else no


def access_log_bytes() -> int:
    """Returns the bytes of a line of the WebSocket API's access log, with values of usual
    length."""
    (api,) = of_type("AWS::Serverless::WebSocketApi").values()
    line: str = api["AccessLogSettings"]["Format"]
    for variable, length in {
        "$context.requestTime": 26,
        "$context.requestId": 16,
        "$context.identity.sourceIp": 15,
        "$context.routeKey": 8,
        "$context.eventType": 7,
        "$context.connectionId": 16,
        "$context.status": 3,
        "$context.authorizer.status": 1,
        "$context.integrationErrorMessage": 1,
        "$context.integrationLatency": 2,
    }.items():
        line = line.replace(variable, "x" * length)
    return len(line)


def count(kind: str) -> int:
    return len(of_type(kind))


def alarm_metrics() -> int:
    """Returns the metrics that alarms use: each is billed."""
    return sum(
        sum("MetricStat" in metric for metric in alarm.get("Metrics", ())) or 1
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
    )
