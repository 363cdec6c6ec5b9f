"""What the templates must keep: read as CloudFormation will, before anything is deployed."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.chat.consumers import TrackMemberships
from domain.consuming import MAX_RECEIVES
from functions import callers, origin
from functions.settings import SETTINGS
from tests.support.dynamodb import EXPIRING, KEYS, definition
from tools.stack.parts import APPLICATION, OBSERVABILITY, PARTS, STATE, resources
from tools.stack.templates import template

ROOT = Path(__file__).parents[2]

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


# Permissions


def test_no_policy_says_everything_where_a_resource_can_be_named() -> None:
    for name, resource in resources().items():
        for statement in statements(resource):
            if statement["Effect"] == "Deny" or name in ANYTHING:
                continue
            for action in actions_of(statement):
                assert "*" not in action, f"{name}: {action}"
            for target in as_list(statement.get("Resource", [])):  # none where a role is taken
                text = target if isinstance(target, str) else json.dumps(target)
                assert text != "*", f"{name}: {statement['Action']} on everything"
                # A wildcard stands for what the resource holds, never for the resource.
                assert not re.search(r":\*(\"|$)", text), f"{name}: {text}"


def test_the_exceptions_are_still_needed() -> None:
    for name in ANYTHING:
        assert any(s["Resource"] == "*" for s in statements(resources()[name]))
    for name in MAY_SCAN:
        assert "dynamodb:Scan" in actions(name)
    for name in NO_RECOVERY:
        assert name in of_type("AWS::DynamoDB::Table")


def actions(function: str) -> set[str]:
    return {a for s in statements(functions()[function]) for a in actions_of(s)}


@pytest.mark.parametrize("name", functions())
def test_a_function_that_a_person_triggers_cannot_scan(name: str) -> None:
    if name not in MAY_SCAN:
        assert "dynamodb:Scan" not in actions(name)


@pytest.mark.parametrize("name", functions())
def test_a_function_may_use_the_tables_that_its_settings_name_and_no_other(name: str) -> None:
    told = {named(value) for key, value in environment(name).items() if key.endswith("_TABLE")}
    allowed = {
        named(target)
        for statement in statements(functions()[name])
        for target in as_list(statement["Resource"])
        # A stream's reader reads no table.
        if named(target) in TABLES and "EventsStreamArn" not in str(target)
    }
    assert allowed == told


def test_functions_bring_no_managed_policy_and_no_source_of_sams_own() -> None:
    for name, function in functions().items():
        assert "Events" not in function, f"{name}: SAM would allow it every queue or stream"
        assert all(isinstance(policy, dict) for policy in function["Policies"]), name


# Functions


def test_every_handler_is_a_function_and_every_function_a_handler() -> None:
    handlers = {
        file.stem
        for file in (ROOT / "functions").glob("*.py")
        if re.search(r"^def handler\(", file.read_text(), flags=re.MULTILINE)
    }
    named_here = {function["Handler"] for function in functions().values()}
    assert named_here == {f"functions.{name}.handler" for name in handlers}


@pytest.mark.parametrize("name", functions())
def test_a_function_has_exactly_the_settings_that_it_reads(name: str) -> None:
    module = functions()[name]["Handler"].split(".")[1]
    assert set(environment(name)) == SETTINGS[module]


def test_all_functions_share_runtime_architecture_alias_and_one_build() -> None:
    shared = template()["Globals"]["Function"]
    assert shared["Runtime"] == "python3.13"
    assert shared["Architectures"] == [{"Ref": "Architecture"}]
    assert shared["AutoPublishAlias"] == "live"
    assert shared["AutoPublishAliasAllProperties"] is True
    assert shared["Tracing"] == {"Ref": "Tracing"}
    assert template()["Parameters"]["Tracing"]["Default"] == "PassThrough"
    assert shared["CodeUri"] == "artifact/"
    own = {"Runtime", "Architectures", "AutoPublishAlias", "Tracing", "CodeUri"}
    assert not [name for name, function in functions().items() if own & function.keys()]


@pytest.mark.parametrize("name", functions())
def test_a_function_has_logs_and_every_alarm_of_its_own_takes_a_release_back(name: str) -> None:
    function = functions()[name]
    assert template()["Globals"]["Function"]["LoggingConfig"]["LogFormat"] == "JSON"
    group = of_type("AWS::Logs::LogGroup")[named(function["LoggingConfig"]["LogGroup"])]
    assert group["RetentionInDays"] == {"Ref": "LogDays"}
    alarms = {
        id: alarm
        for id, alarm in of_type("AWS::CloudWatch::Alarm").items()
        if name in [named(one["Value"]) for one in alarm.get("Dimensions", ()) if one["Name"] in
                    ("Function", "FunctionName") and isinstance(one["Value"], dict)]
        and alarm["MetricName"] in FAILURES
    }  # fmt: skip
    assert {named(one) for one in function["DeploymentPreference"]["Alarms"]} == set(alarms)
    assert {alarm["MetricName"] for alarm in alarms.values()} == watched(name)
    for alarm in alarms.values():
        assert alarm["AlarmActions"]
        if alarm["MetricName"] == "Errors":
            alias = {"Fn::Join": [":", [{"Ref": name}, "live"]]}
            assert alarm["Dimensions"][1] == {"Name": "Resource", "Value": alias}
        else:
            assert alarm["Dimensions"] == [{"Name": "Function", "Value": {"Ref": name}}]
            assert alarm["Namespace"] == environment(name)["METRICS_NAMESPACE"]


FAILURES = {"Errors", "Internal", "Retried", "Parked"}


def watched(function: str) -> set[str]:
    """Returns the failures that a function can count: by a queue or stream, or by an answer."""
    fed = [source for source in sources().values() if named(source["FunctionName"]) == function]
    parks = "PROGRESS_TABLE" in environment(function)
    consumer = {"Retried", "Parked"} if parks else {"Retried"}
    return {"Errors"} | (consumer if fed else {"Internal"} if function in ANSWERING else set())


ANSWERING = {"SocketMessageFunction", "HttpApiFunction"}
"""Functions that turn what went wrong into an answer; the others raise."""


def test_a_release_is_taken_back_by_a_role_with_a_boundary() -> None:
    preference = template()["Globals"]["Function"]["DeploymentPreference"]
    for key in ("Enabled", "Type"):
        assert preference[key] == {
            "Fn::FindInMap": ["Deployment", {"Ref": "CanaryDeployment"}, key]
        }
    # SAM would make one without a boundary.
    assert preference["Role"] == {"Fn::GetAtt": ["DeploymentRole", "Arn"]}
    boundary = {"Fn::If": ["HasBoundary", {"Ref": "PermissionsBoundary"}, {"Ref": "AWS::NoValue"}]}
    assert template()["Globals"]["Function"]["PermissionsBoundary"] == boundary
    for name, role in of_type("AWS::IAM::Role").items():
        assert role["PermissionsBoundary"] == boundary, name


def test_what_strangers_can_call_has_a_ceiling() -> None:
    ceiling = {"Fn::If": ["HasCeiling", {"Ref": "ConcurrencyCeiling"}, {"Ref": "AWS::NoValue"}]}
    bounded = {n for n, f in functions().items() if "ReservedConcurrentExecutions" in f}
    assert bounded == {
        *("AuthorizeFunction", "SocketConnectFunction", "SocketMessageFunction", "HttpApiFunction")
    }
    for name in bounded:
        assert functions()[name]["ReservedConcurrentExecutions"] == ceiling
    # A new account has ten at once, of which none may be kept back.
    assert template()["Parameters"]["ConcurrencyCeiling"]["Default"] == 0


# Sources and queues


@pytest.mark.parametrize("name", sources())
def test_a_consumer_reports_what_failed_of_a_batch(name: str) -> None:
    source = sources()[name]
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["FunctionName"]["Ref"].endswith(".Alias"), "the alias, or no canary"


def test_the_stream_has_two_readers_that_give_up_in_time_and_say_so() -> None:
    assert len(stream_sources()) == 2
    for name, source in stream_sources().items():
        assert source["ParallelizationFactor"] == 1, name
        assert source["BisectBatchOnFunctionError"] is True, name
        assert 0 < source["MaximumRetryAttempts"] < 10_000, name
        assert 0 < source["MaximumRecordAgeInSeconds"] < 86_400, "before the stream forgets"
        assert json.loads(source["FilterCriteria"]["Filters"][0]["Pattern"]) == {
            "eventName": ["INSERT"]
        }
        failures = named(source["DestinationConfig"]["OnFailure"]["Destination"])
        assert not queues()[failures].get("FifoQueue"), "Lambda sends to standard queues alone"
        function, _ = function_of(source)
        assert "sqs:SendMessage" in actions(function)


@pytest.mark.parametrize("name", queue_sources())
def test_a_queue_waits_six_times_as_long_as_its_function_may_take(name: str) -> None:
    source = queue_sources()[name]
    queue = queues()[named(source["EventSourceArn"])]
    function, properties = function_of(source)
    window = source.get("MaximumBatchingWindowInSeconds", 0)
    assert queue["VisibilityTimeout"] >= 6 * timeout(properties) + window
    assert "sqs:ReceiveMessage" in actions(function)
    if queue.get("FifoQueue"):
        assert source["BatchSize"] <= 10
        assert not window, "FIFO queues have no batching window"


def test_every_queue_has_a_dead_letter_queue_of_its_kind_or_is_one() -> None:
    last = {
        named(source["DestinationConfig"]["OnFailure"]["Destination"])
        for source in stream_sources().values()
    }
    last |= {named(found["Arn"]) for found in within(template(), "DeadLetterConfig")}
    redriven = {name: q for name, q in queues().items() if "RedrivePolicy" in q}
    for name, queue in redriven.items():
        dead = named(queue["RedrivePolicy"]["deadLetterTargetArn"])
        last.add(dead)
        assert queue.get("FifoQueue") == queues()[dead].get("FifoQueue"), name
        # Consumers park at the last receive, so one more is a crash.
        assert queue["RedrivePolicy"]["maxReceiveCount"] == MAX_RECEIVES + 1, name
    assert set(queues()) == set(redriven) | last
    assert len(redriven) == len(queue_sources())
    watched = {
        named(dimension["Value"])
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        if alarm.get("MetricName") == "ApproximateNumberOfMessagesVisible"
        for dimension in alarm["Dimensions"]
    }
    assert watched == last


@pytest.mark.parametrize("name", queues())
def test_a_queue_is_encrypted_and_orders_by_group(name: str) -> None:
    queue = queues()[name]
    assert queue["SqsManagedSseEnabled"] is True
    if queue.get("FifoQueue"):
        assert queue["ContentBasedDeduplication"] is False
        assert queue["DeduplicationScope"] == "messageGroup"
        assert queue["FifoThroughputLimit"] == "perMessageGroupId"


def test_the_topic_tells_queues_raw_and_only_what_they_take() -> None:
    topic = of_type("AWS::SNS::Topic")["EventsTopic"]
    assert topic["FifoTopic"] is True
    assert topic["ContentBasedDeduplication"] is False
    assert topic["FifoThroughputScope"] == "MessageGroup"
    told = {
        named(s["Endpoint"]): s
        for s in of_type("AWS::SNS::Subscription").values()
        if s["Protocol"] == "sqs"
    }
    assert set(told) == {"ViewsQueue", "DeliveryQueue", "MembershipsQueue", "NotifyQueue"}
    for name, subscription in told.items():
        assert subscription["RawMessageDelivery"] is True
        if queues()[name].get("FifoQueue"):
            dead = named(subscription["RedrivePolicy"]["deadLetterTargetArn"])
            assert queues()[dead]["FifoQueue"] is True
    wanted = told["MembershipsQueue"]["FilterPolicy"]["topic"]
    assert sorted(wanted) == sorted(TrackMemberships.topics)
    assert told["NotifyQueue"]["FilterPolicy"] == {"notify": ["1"]}


# Tables


@pytest.mark.parametrize("name", of_type("AWS::DynamoDB::Table"))
def test_a_table_is_what_the_tests_use(name: str) -> None:
    table = of_type("AWS::DynamoDB::Table")[name]
    wanted = definition(TABLES[name])
    streams = wanted.pop("StreamSpecification", None)
    assert {key: table[key] for key in wanted if key != "AttributeDefinitions"} == {
        key: value for key, value in wanted.items() if key != "AttributeDefinitions"
    }
    assert by_name(table["AttributeDefinitions"]) == by_name(wanted["AttributeDefinitions"])
    assert ("GlobalSecondaryIndexes" in table) == ("GlobalSecondaryIndexes" in wanted)
    # A table that can have replicas has a stream of both images.
    both = {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    replicated = ["IsReplicated", both, {"Ref": "AWS::NoValue"}]
    choice = {
        "Fn::If": ["IsReplicated", "NEW_AND_OLD_IMAGES", (streams or {}).get("StreamViewType")]
    }
    alone = {"Fn::If": replicated} if TABLES[name] in ("accounts", "keys") else None
    assert table.get("StreamSpecification") == ({"StreamViewType": choice} if streams else alone)
    lapse = {"AttributeName": "expires", "Enabled": True}
    assert table.get("TimeToLiveSpecification") == (lapse if TABLES[name] in EXPIRING else None)


def by_name(attributes: list[Properties]) -> list[Properties]:
    return sorted(attributes, key=lambda attribute: str(attribute["AttributeName"]))


@pytest.mark.parametrize("name", of_type("AWS::DynamoDB::Table"))
def test_a_table_is_encrypted_protected_and_recoverable(name: str) -> None:
    table = of_type("AWS::DynamoDB::Table")[name]
    # DynamoDB's own key, free; SSEEnabled would select aws/dynamodb, whose calls KMS bills.
    assert "SSESpecification" not in table
    assert table["DeletionProtectionEnabled"] == {"Fn::If": ["Protected", True, False]}
    recovery = table.get("PointInTimeRecoverySpecification")
    assert recovery == (None if name in NO_RECOVERY else {"PointInTimeRecoveryEnabled": True})


def test_all_tables_are_there() -> None:
    assert set(of_type("AWS::DynamoDB::Table")) == set(TABLES)


@pytest.mark.parametrize("name", ["EventsTable", "AccountsTable", "KeysTable", "VaultKey"])
def test_what_cannot_be_made_again_outlives_the_stack(name: str) -> None:
    resource = template("infra/state.yaml")["Resources"][name]
    assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
    assert resource["UpdateReplacePolicy"] == "Retain"


# APIs


def test_only_entering_and_the_health_check_are_open_to_anybody() -> None:
    routes = of_type("AWS::ApiGatewayV2::Route").values()
    kinds = {r["RouteKey"]: r.get("AuthorizationType") for r in routes}
    assert {route for route, kind in kinds.items() if kind is None} == OPEN_ROUTES
    assert kinds["POST /api/session/cognito"] == "JWT"
    assert kinds["ANY /api/{proxy+}"] == "CUSTOM"
    assert of_type("AWS::Serverless::WebSocketApi")["SocketApi"]["Auth"]["AuthType"] == "CUSTOM"


def test_no_log_of_api_gateway_can_hold_a_ticket_or_a_frame() -> None:
    for settings in within(resources(), "AccessLogSettings"):
        fields = set(re.findall(r"\$context\.[\w.]+", settings["Format"]))
        assert fields
        assert not [field for field in fields if re.search("query|path|header|body", field, re.I)]
        assert json.loads(settings["Format"]).keys()
        # API Gateway refuses a format without it, or of several lines.
        assert "$context.requestId" in fields
        assert "\n" not in settings["Format"]
    socket = of_type("AWS::Serverless::WebSocketApi")["SocketApi"]["DefaultRouteSettings"]
    assert socket["DataTraceEnabled"] is False
    assert socket["LoggingLevel"] == "OFF"


def test_a_request_past_cloudfront_calls_no_authorizer() -> None:
    (token,) = [
        a for a in of_type("AWS::ApiGatewayV2::Authorizer").values() if a["Name"] == "token"
    ]
    condition, real, emulated = token["IdentitySource"]["Fn::If"]
    assert condition == "NotEmulated"
    secret = f"$request.header.{origin.ORIGIN_SECRET}"
    assert [source.lower() for source in real] == ["$request.header.authorization", secret]
    assert emulated == real[:1]


def test_failures_to_ask_the_authorizer_are_counted() -> None:
    filters = of_type("AWS::Logs::MetricFilter").values()
    counted = {f["MetricTransformations"][0]["MetricName"] for f in filters}
    groups = {named(f["LogGroupName"]) for f in filters}
    assert groups == {"SocketAccessLogs", "HttpAccessLogs"}
    alarms = of_type("AWS::CloudWatch::Alarm")
    assert counted == {alarms["AuthorizerFails"]["MetricName"]}


def test_names_of_the_whole_account_carry_the_region() -> None:
    found = [
        *(f["Name"] for f in of_type("AWS::CloudFront::Function").values()),
        *(found["Name"] for found in within(resources(), "OriginAccessControlConfig")),
        *(found["Name"] for found in within(resources(), "ResponseHeadersPolicyConfig")),
        *(d["DashboardName"] for d in of_type("AWS::CloudWatch::Dashboard").values()),
    ]
    assert len(found) == 5
    for name in found:
        stack = r"\$\{(AWS::StackName|Application)\}"
        assert re.match(stack + r"-\$\{AWS::Region\}", name["Fn::Sub"])


def test_athena_takes_the_databases_name() -> None:
    name = of_type("AWS::Glue::Database")["ArchiveDatabase"]["DatabaseInput"]["Name"]
    separator, (between, text) = name["Fn::Join"][0], name["Fn::Join"][1]["Fn::Split"]
    made = separator.join(text["Fn::Sub"].replace("${AWS::StackName}", "a-b").split(between))
    assert re.fullmatch("[a-z0-9_]+", made)


def test_cloudfront_keeps_no_failure() -> None:
    (distribution,) = of_type("AWS::CloudFront::Distribution").values()
    kept = {e["ErrorCode"]: e for e in distribution["DistributionConfig"]["CustomErrorResponses"]}
    # Those that CloudFront keeps for ten seconds whatever the origin says.
    assert set(kept) == {404, 414, 500, 501, 502, 503, 504}
    assert all(error["ErrorCachingMinTTL"] == 0 for error in kept.values())
    assert not [error for error in kept.values() if "ResponsePagePath" in error]


def test_prod_has_a_firewall_or_says_that_it_wants_none() -> None:
    rule = template()["Rules"]["WafInProd"]
    assert rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}
    (assertion,) = rule["Assertions"]
    assert assertion["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "WebAclArn"}, ""]}]}


def test_whatever_waits_or_is_refused_rings() -> None:
    alarms = of_type("AWS::CloudWatch::Alarm").values()
    late = {
        named(alarm["Dimensions"][0]["Value"])
        for alarm in alarms
        if alarm.get("MetricName") == "ApproximateAgeOfOldestMessage"
    }
    assert late == {named(source["EventSourceArn"]) for source in queue_sources().values()}
    metrics = {(str(a.get("Namespace")), a.get("MetricName")) for a in alarms}
    assert ("AWS/Lambda", "Throttles") in metrics
    assert ("AWS/Firehose", "DeliveryToS3.DataFreshness") in metrics
    assert ("AWS/Firehose", "FailedConversion.Records") in metrics
    used = [m["Expression"] for a in alarms for m in a.get("Metrics", ()) if "Expression" in m]
    assert [e for e in used if "SERVICE_QUOTA" in e]


def test_whatever_the_functions_count_rings() -> None:
    """As docs/aws.md lists it; `Posts` is what `Gone` is a share of."""
    said = (ROOT / "docs" / "aws.md").read_text().partition("in `METRICS_NAMESPACE`, once")[2]
    rows = re.findall(r"^\| (`.+?) \|", said, flags=re.M)
    counted = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert counted >= {"Internal", "Retried", "Parked", "Posts", "Gone", "SnapshotFailed"}
    alarms = of_type("AWS::CloudWatch::Alarm").values()
    parts_of_others = [stat["Metric"] for stat in within(list(alarms), "MetricStat")]
    ours = {
        one["MetricName"]
        for one in (*alarms, *parts_of_others)
        if "Parley/" in json.dumps(one.get("Namespace"))
    }
    assert counted <= ours


def test_alarms_go_to_slack_where_a_channel_is_named() -> None:
    resource = resources()["AlarmsSlack"]
    assert resource["Condition"] == "HasSlack"
    assert resource["Properties"]["SnsTopicArns"] == [{"Ref": "AlarmsTopic"}]
    # It tells; nobody may command the account from a chat.
    assert "AWSDenyAll" in json.dumps(resource["Properties"]["GuardrailPolicies"])
    role = resources()[named(resource["Properties"]["IamRoleArn"])]["Properties"]
    assert not {"Policies", "ManagedPolicyArns"} & role.keys()


def test_the_topic_may_write_to_what_it_feeds_and_nothing_else_may() -> None:
    (policy,) = of_type("AWS::SQS::QueuePolicy").values()
    (statement,) = policy["PolicyDocument"]["Statement"]
    topic_condition = {"ArnEquals": {"aws:SourceArn": {"Ref": "EventsTopic"}}}
    assert statement["Condition"] == topic_condition
    subscriptions = [
        s for s in of_type("AWS::SNS::Subscription").values() if s["Protocol"] == "sqs"
    ]
    fed = {named(s["Endpoint"]) for s in subscriptions}
    fed |= {named(found) for found in within(subscriptions, "deadLetterTargetArn")}
    assert {named(arn) for arn in statement["Resource"]} == fed
    assert {named(queue) for queue in policy["Queues"]} == fed


def test_buckets_are_private_and_encrypted() -> None:
    for name, bucket in of_type("AWS::S3::Bucket").items():
        assert all(bucket["PublicAccessBlockConfiguration"].values()), name
        assert bucket["BucketEncryption"], name


def test_cloudfront_adds_what_the_api_asks_for() -> None:
    (distribution,) = of_type("AWS::CloudFront::Distribution").values()
    config = distribution["DistributionConfig"]
    (api,) = [one for one in config["Origins"] if one["Id"] == "api"]
    (header,) = api["OriginCustomHeaders"]
    assert header["HeaderName"].lower() == origin.ORIGIN_SECRET
    for function in ("HttpApiFunction", "AuthorizeFunction"):
        told = environment(function)["ORIGIN_SECRET_ARN"]
        assert told == {"Fn::If": ["Emulates", "", {"Ref": "OriginSecret"}]}, "read at run time"
    (asked,) = [
        one["IdentitySource"] for one in of_type("AWS::ApiGatewayV2::Authorizer").values()
        if one["Name"] == "token" and one["AuthorizerPayloadFormatVersion"] == "2.0"
    ]  # fmt: skip
    assert f"$request.header.{header['HeaderName']}" in str(asked["Fn::If"])
    assert "resolve:secretsmanager:${OriginSecret}" in header["HeaderValue"]["Fn::Sub"]
    code = of_type("AWS::CloudFront::Function")["ApiViewer"]["FunctionCode"]
    assert f"headers['{callers.VIEWER}'] = {{value: event.viewer.ip}}" in code
    for behavior in config["CacheBehaviors"]:
        if behavior["PathPattern"] == "/api/*":
            (function,) = behavior["FunctionAssociations"]
            assert named({"Fn::GetAtt": function["FunctionARN"]["Fn::GetAtt"]}) == "ApiViewer"


def test_events_are_changed_by_retention_alone() -> None:
    changing = {"dynamodb:UpdateItem", "dynamodb:DeleteItem"}
    for name, function in functions().items():
        given = [one for found in within(function, "Statement") for one in as_list(found)]
        # Those without a condition: a choice has no effect of its own.
        for one in (one for one in given if "Effect" in one and changing & set(actions_of(one))):
            targets = [target for target in as_list(one["Resource"]) if isinstance(target, dict)]
            assert "EventsTable" not in {named(target) for target in targets}, name
    rules = of_type("AWS::S3::Bucket")["ArchiveBucket"]["LifecycleConfiguration"]["Rules"]
    condition, ends, _ = rules[0]["Fn::If"]
    assert (condition, ends["ExpirationInDays"]) == ("Retains", {"Ref": "RetentionDays"})
    assert "Transitions" not in ends, "S3 refuses an end before a move"


def test_the_dashboard_is_json() -> None:
    (dashboard,) = of_type("AWS::CloudWatch::Dashboard").values()
    text, names = dashboard["DashboardBody"]["Fn::Sub"]
    body = re.sub(r"\$\{[\w.:]+\}", "x", text)
    assert json.loads(body)["widgets"]
    known = names.keys() | template("infra/observability.yaml")["Parameters"].keys()
    assert set(re.findall(r"\$\{(\w+)\}", text)) <= known


# Three stacks


def test_a_stack_gets_all_that_it_has_no_default_for_of_the_stacks_before() -> None:
    known = {"Application"}
    for part in (STATE, APPLICATION, OBSERVABILITY):
        found = template(part.source)
        asked = {n for n, p in found["Parameters"].items() if "Default" not in p}
        assert asked <= known, (part.source, asked - known)
        known |= found["Outputs"].keys() if "Outputs" in found else set()


def test_the_same_parameter_is_the_same_in_every_stack() -> None:
    for name in set.intersection(*(set(template(p.source)["Parameters"]) for p in PARTS)):
        kinds = [template(p.source)["Parameters"][name] for p in PARTS]
        assert len({(k["Type"], k.get("Default")) for k in kinds}) == 1, name


def test_what_people_said_is_in_a_stack_that_nothing_else_rolls_back() -> None:
    state = {resource["Type"] for resource in template("infra/state.yaml")["Resources"].values()}
    for kind in ("AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::Cognito::UserPool"):
        assert kind in state
        assert kind not in {r["Type"] for r in template()["Resources"].values()}
    watching = {r["Type"] for r in template("infra/observability.yaml")["Resources"].values()}
    assert "AWS::CloudWatch::Dashboard" in watching
    assert not watching & {"AWS::Lambda::Function", "AWS::Serverless::Function"}
    # But what takes a release back goes with it.
    alarms = {n for n, r in template()["Resources"].items() if "CloudWatch::Alarm" in r["Type"]}
    taking_back = {
        named(alarm)
        for function in functions().values()
        for alarm in function["DeploymentPreference"]["Alarms"]
    }
    assert alarms == taking_back


def test_backups_have_what_cannot_be_made_again_and_no_keys() -> None:
    (selection,) = of_type("AWS::Backup::BackupSelection").values()
    copied = {named(arn) for arn in selection["BackupSelection"]["Resources"]}
    assert copied == {"EventsTable", "AccountsTable"}
    (plan,) = of_type("AWS::Backup::BackupPlan").values()
    (rule,) = plan["BackupPlan"]["BackupPlanRule"]
    assert named(rule["TargetBackupVault"]) in of_type("AWS::Backup::BackupVault")
    # As long as point-in-time recovery: what retention took away is gone from both by then.
    assert rule["Lifecycle"] == {"DeleteAfterDays": 35}


def test_a_first_deployment_can_be_cleaned_up() -> None:
    assert template("infra/state.yaml")["Parameters"]["DeletionProtection"]["Default"] == "false"


# What goes with it


def parameters() -> dict[str, Properties]:
    return {n: p for part in PARTS for n, p in template(part.source)["Parameters"].items()}


def test_samconfig_sets_parameters_that_there_are() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    for stage in ("dev", "prod"):
        given = dict(
            pair.split("=", 1)
            for pair in config[stage]["deploy"]["parameters"]["parameter_overrides"]
        )
        assert given.keys() <= parameters().keys()
        for name, value in given.items():
            allowed = parameters()[name].get("AllowedValues", [value])
            assert value in [str(choice) for choice in allowed], name


def test_the_docs_name_every_parameter_and_every_setting() -> None:
    docs = (ROOT / "docs" / "aws.md").read_text()
    settings = {name for names in SETTINGS.values() for name in names}
    # Those without a default a stack gets of the one before.
    chosen = [name for name, parameter in parameters().items() if "Default" in parameter]
    missing = [name for name in (*chosen, *sorted(settings)) if f"`{name}`" not in docs]
    assert not missing


def test_the_artifact_has_the_versions_that_are_tested() -> None:
    packed = pins(ROOT / "artifact" / "requirements.txt")
    tested = pins(ROOT / "requirements-dev.lock")
    assert packed
    assert "boto3" not in packed, "the runtime has it"
    assert {name: tested.get(name) for name in packed} == packed


def pins(file: Path) -> dict[str, str]:
    """Returns versions by package; every one has a hash."""
    text = file.read_text()
    assert "://" not in text, "a lock names no registry"
    found = re.findall(r"^([\w.-]+)==(\S+)[^\n]*\\\n    --hash=sha256:", text, re.MULTILINE)
    assert len(found) == len(re.findall(r"^\S+==", text, re.MULTILINE))
    return dict(found)


def test_the_artifact_links_to_the_packages_and_the_parameters() -> None:
    # With samconfig.toml a changed parameter changes the artifact: SAM publishes a new version of
    # a function when its code changed, never for a parameter's value alone.
    for name in ("adapters", "domain", "functions", "samconfig.toml"):
        link = ROOT / "artifact" / name
        assert link.is_symlink()
        assert link.resolve() == ROOT / name
