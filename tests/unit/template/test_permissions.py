"""Policies: each function may do what it needs, and no more."""

import json
import re

import pytest

from tests.unit.template.reading import (
    ANYTHING,
    MAY_SCAN,
    NO_RECOVERY,
    TABLES,
    actions,
    actions_of,
    as_list,
    environment,
    functions,
    named,
    of_type,
    statements,
    within,
)
from tools.stack.parts import resources


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
