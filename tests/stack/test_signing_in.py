"""Signing in on the user pool's hosted pages, and what the API takes of it."""

import pytest
from playwright.sync_api import Browser

from tests.browser.tabs import House
from tests.server.harness import Person
from tests.stack.harness import StackServer

PASSWORD = "Long-enough-4-anybody"


@pytest.mark.browser
def test_somebody_of_the_pool_signs_in_and_talks(chromium: Browser, server: StackServer) -> None:
    house = House(chromium, server)
    add_user(server, "dora@example.org")
    tab = house.tab()
    tab.at("sign-in-button").click()
    tab.page.locator("#username").fill("dora@example.org")
    tab.page.locator("#password").fill(PASSWORD)
    tab.page.get_by_role("button", name="Sign in").click()
    tab.online()
    tab.create(house.room_name())
    tab.send("signed in")
    tab.settled(1)
    assert house.close() == []


def test_the_same_person_comes_back_and_nobody_without_a_token(server: StackServer) -> None:
    token = id_token(server, "ann@example.org")
    answer = server.http("POST", "/api/session/cognito", {"nickname": "Ann of the pool"}, token)
    assert answer.status == 201, answer
    ann = Person(server, answer.json["token"], answer.json["user"]["id"], "Ann of the pool")
    again = server.http("POST", "/api/session/cognito", {}, token)
    assert again.json["user"] == {"id": ann.id, "name": "Ann of the pool"}
    for bad in (None, ann.token, f"{token[:-8]}AAAAAAAA"):
        assert server.http("POST", "/api/session/cognito", {}, bad).status in (401, 403)


def add_user(server: StackServer, email: str) -> None:
    """Has somebody signed up, with a verified address."""
    cognito, pool = server.client("cognito-idp"), server.named("UserPoolId")
    verified = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}]
    cognito.admin_create_user(
        UserPoolId=pool, Username=email, UserAttributes=verified, MessageAction="SUPPRESS"
    )
    cognito.admin_set_user_password(
        UserPoolId=pool, Username=email, Password=PASSWORD, Permanent=True
    )


def id_token(server: StackServer, email: str) -> str:
    """Returns an ID token for the stack's app client, whose audience the API asks for."""
    cognito, pool = server.client("cognito-idp"), server.named("UserPoolId")
    add_user(server, email)
    client = server.named("UserPoolClientId")
    before = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=client)["UserPoolClient"]
    settings = {
        name: before[name]
        for name in (
            "AllowedOAuthFlows",
            "AllowedOAuthScopes",
            "AllowedOAuthFlowsUserPoolClient",
            "CallbackURLs",
            "LogoutURLs",
            "SupportedIdentityProviders",
            "ExplicitAuthFlows",
        )
        if name in before
    }
    # A flow without a browser, for this call alone.
    flows = ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    cognito.update_user_pool_client(
        UserPoolId=pool, ClientId=client, **{**settings, "ExplicitAuthFlows": flows}
    )
    answer = cognito.admin_initiate_auth(
        UserPoolId=pool,
        ClientId=client,
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": email, "PASSWORD": PASSWORD},
    )
    cognito.update_user_pool_client(UserPoolId=pool, ClientId=client, **settings)
    token: str = answer["AuthenticationResult"]["IdToken"]
    return token
