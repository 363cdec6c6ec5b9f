"""What infra/oidc.yaml lets CI do: no more than to deploy one stack."""

import json
from typing import Any

from tests.unit.template.reading import as_list, statements
from tools.stack.parts import PARTS, resources
from tools.stack.templates import template

RESOURCES: dict[str, Any] = template("infra/oidc.yaml")["Resources"]

WITHOUT_A_RESOURCE = {
    "backup-storage:MountCapsule",
    *("cognito-idp:CreateUserPool", "cognito-idp:DescribeUserPoolDomain"),
    *("kms:CreateKey", "kms:ListAliases"),
    *("lakeformation:GetDataAccess", "lakeformation:GetDataLakeSettings"),
    "lakeformation:ListPermissions",
    *("lambda:CreateEventSourceMapping", "lambda:ListEventSourceMappings"),
    *("logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups"),
    *("logs:DescribeMetricFilters", "logs:DescribeResourcePolicies", "logs:GetLogDelivery"),
    *("logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery"),
    "secretsmanager:GetRandomPassword",
    *("chatbot:CreateSlackChannelConfiguration", "chatbot:DeleteSlackChannelConfiguration"),
    *("chatbot:DescribeSlackChannelConfigurations", "chatbot:UpdateSlackChannelConfiguration"),
}
"""Actions for which IAM knows no resource."""

READS = {
    *("cloudwatch:DescribeAlarms", "xray:GetSamplingRules", "xray:GetSamplingStatisticSummaries"),
    *("xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"),
}
"""The same, of the roles of the stack."""


def allowed(role: str) -> list[dict[str, Any]]:
    return [s for s in statements(RESOURCES[role]) if s["Effect"] == "Allow" and "Resource" in s]


def granting(role: str, action: str) -> list[dict[str, Any]]:
    return [s for s in allowed(role) if action in as_list(s["Action"])]


def test_everything_is_named_that_has_a_name() -> None:
    for role in ("DeployRole", "ExecutionRole", "Boundary"):
        for statement in allowed(role):
            if "*" in as_list(statement["Resource"]):
                assert set(as_list(statement["Action"])) <= WITHOUT_A_RESOURCE | READS, role
            for resource in as_list(statement["Resource"]):
                text = json.dumps(resource)
                # A kind of resource at least; a secret, a table, a topic by the stack's name.
                for service in ("secretsmanager", "dynamodb", "sns", "sqs", "firehose", "s3"):
                    named = "${StackName}" in text or "aws-sam-cli-managed-default" in text
                    assert f":{service}:" not in text or named, text


def test_no_role_is_made_without_the_boundary() -> None:
    bounded = {"StringEquals": {"iam:PermissionsBoundary": {"Ref": "Boundary"}}}
    for action in (
        *("iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"),
        "iam:PutRolePermissionsBoundary",
    ):
        assert [s["Condition"] for s in granting("ExecutionRole", action)] == [bounded], action
    may = {a for s in allowed("ExecutionRole") for a in as_list(s["Action"])}
    assert not {"iam:*", "iam:DeleteRolePermissionsBoundary", "iam:CreatePolicyVersion"} & may
    (passing,) = granting("ExecutionRole", "iam:PassRole")
    services = passing["Condition"]["StringEquals"]["iam:PassedToService"]
    assert "lambda.amazonaws.com" in services
    assert "cloudformation.amazonaws.com" not in services
    assert not [a for s in allowed("Boundary") for a in as_list(s["Action"]) if a[:4] == "iam:"]


def test_the_boundary_has_room_for_what_functions_may_do() -> None:
    """A role can do what both its policies and the boundary allow."""
    may = {a for s in allowed("Boundary") for a in as_list(s["Action"])}
    for name, resource in resources().items():
        if resource["Type"] not in ("AWS::Serverless::Function", "AWS::IAM::Role"):
            continue
        for statement in statements(resource):
            action = statement["Action"]
            choices = action["Fn::If"][2] if isinstance(action, dict) else action
            asked = {one for one in as_list(choices) if one != "sts:AssumeRole"}
            assert asked <= may, (name, asked - may)


def test_alarms_and_lake_formation_can_be_read() -> None:
    (alarms,) = granting("ExecutionRole", "cloudwatch:DescribeAlarms")
    assert json.dumps(alarms["Resource"]).endswith(':alarm:*"}')
    assert granting("ExecutionRole", "lakeformation:GetDataLakeSettings")


def test_the_transforms_of_the_template_may_be_used() -> None:
    (stack,) = [s for s in allowed("DeployRole") if s.get("Sid") == "TheStack"]
    for transform in template()["Transform"]:
        name = transform.removeprefix("AWS::")
        assert f"aws:transform/{name}" in json.dumps(stack["Resource"])


def test_all_three_stacks_may_be_deployed_and_no_other() -> None:
    names = {f"stack/${{StackName}}{part.suffix}/*" for part in PARTS}
    (stack,) = [s for s in allowed("DeployRole") if s.get("Sid") == "TheStack"]
    (trust,) = RESOURCES["ExecutionRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    for found in (stack["Resource"], trust["Condition"]["ArnLike"]["aws:SourceArn"]):
        arns = [arn["Fn::Sub"] for arn in found if "stack/" in arn["Fn::Sub"]]
        assert {arn.rpartition(":")[2] for arn in arns} == names
