"""The APIs, CloudFront, and alarms on all that is refused or waits."""

import json
import re

from functions import callers, origin
from tests.unit.template.reading import (
    OPEN_ROUTES,
    ROOT,
    environment,
    named,
    of_type,
    queue_sources,
    within,
)
from tools.stack.parts import resources
from tools.stack.templates import template


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


def test_the_dashboard_is_json() -> None:
    (dashboard,) = of_type("AWS::CloudWatch::Dashboard").values()
    text, names = dashboard["DashboardBody"]["Fn::Sub"]
    body = re.sub(r"\$\{[\w.:]+\}", "x", text)
    assert json.loads(body)["widgets"]
    known = names.keys() | template("infra/observability.yaml")["Parameters"].keys()
    assert set(re.findall(r"\$\{(\w+)\}", text)) <= known
