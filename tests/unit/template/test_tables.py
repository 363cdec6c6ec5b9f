"""Tables and buckets, and what outlives the stack."""

import pytest

from tests.support.dynamodb import EXPIRING, definition
from tests.unit.template.reading import NO_RECOVERY, TABLES, by_name, of_type
from tools.stack.templates import template


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


def test_buckets_are_private_and_encrypted() -> None:
    for name, bucket in of_type("AWS::S3::Bucket").items():
        assert all(bucket["PublicAccessBlockConfiguration"].values()), name
        assert bucket["BucketEncryption"], name
