"""The smoke chat at the end of a deployment: it passes on a stack that works, else it fails."""

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


def test_a_stack_that_answers_internal_fails(server: StackServer) -> None:
    # As a release would whose every frame fails: Lambda itself counts no error.
    with (
        server.setting("SocketMessageFunction", EVENTS_TABLE="no-such-table"),
        pytest.raises(StackError, match="refused, internal"),
    ):
        smoke(server.stack.outputs, server.client("cognito-idp"))


def test_a_stack_that_delivers_nothing_fails(server: StackServer) -> None:
    with (
        server.setting("DeliverFunction", SOCKET_ENDPOINT="http://127.0.0.1:9"),
        pytest.raises(StackError, match="no frame came in 5 s"),
    ):
        smoke(server.stack.outputs, server.client("cognito-idp"), patience=5.0)
