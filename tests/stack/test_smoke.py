"""The smoke chat at the end of a deployment: it passes on a stack that works, else it fails."""

import contextlib
import json
from collections.abc import Iterator

import pytest

from tests.stack.harness import StackServer
from tools.stack.emulator import StackError
from tools.stack.smoke import smoke


def test_a_stack_that_works_passes_again_and_again(server: StackServer) -> None:
    cognito = server.client("cognito-idp")
    for _ in range(2):
        said = smoke(server.stack.outputs, cognito)
        assert said.startswith("Smoke chat: acknowledged after ")
    # Nobody can sign in as that person meanwhile.
    (user,) = cognito.list_users(UserPoolId=server.named("UserPoolId"), Filter='email ^= "smoke@"')[
        "Users"
    ]
    assert user["Enabled"] is False


@contextlib.contextmanager
def read_only(server: StackServer, function: str) -> Iterator[None]:
    """Lets a function write no event meanwhile; unlike settings, warm processes feel it at once."""
    configuration = server.client("lambda").get_function_configuration(
        FunctionName=server.function(function)
    )
    policy = {"RoleName": configuration["Role"].rpartition("/")[2], "PolicyName": "broken"}
    table = server.client("dynamodb").describe_table(TableName=server.named("EventsTable"))
    denied = {
        "Effect": "Deny",
        "Action": "dynamodb:PutItem",
        "Resource": table["Table"]["TableArn"],
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    iam = server.client("iam")
    iam.put_role_policy(**policy, PolicyDocument=document)
    try:
        yield
    finally:
        iam.delete_role_policy(**policy)


def test_a_stack_that_answers_internal_fails(server: StackServer) -> None:
    # As a release would whose every frame fails: Lambda itself counts no error.
    with (
        read_only(server, "SocketMessageFunction"),
        pytest.raises(StackError, match="was refused"),
    ):
        smoke(server.stack.outputs, server.client("cognito-idp"))


def test_a_stack_that_delivers_nothing_fails(server: StackServer) -> None:
    source = {"UUID": server.physical("DeliverSource")}
    lambdas = server.client("lambda")
    lambdas.update_event_source_mapping(**source, Enabled=False)
    try:
        with pytest.raises(StackError, match="no frame came in 15 s"):
            smoke(server.stack.outputs, server.client("cognito-idp"), patience=15.0)
    finally:
        lambdas.update_event_source_mapping(**source, Enabled=True)
