"""Settings of the functions, as they are read from the environment."""

from typing import Any

import pytest

from functions.settings import OPTIONAL, SETTINGS, NotConfigured, read, required


def complete(function: str, **given: str) -> dict[str, str]:
    return {**dict.fromkeys(required(function), "something"), **given}


@pytest.mark.parametrize("function", SETTINGS)
def test_what_is_optional_has_a_default(function: str) -> None:
    settings = read(function, {**complete(function), "PATH": "/bin"})
    assert settings.keys() == SETTINGS[function]
    for name in settings.keys() - required(function):
        assert settings[name] == OPTIONAL[name].value


@pytest.mark.parametrize(
    ("function", "name", "given", "meant"),
    [
        ("authorize", "ALLOWED_ORIGINS", "", frozenset()),
        ("authorize", "ALLOWED_ORIGINS", "https://a.example, https://b.example,",
         frozenset({"https://a.example", "https://b.example"})),
        ("http_api", "GUESTS", "false", False),
        ("http_api", "GUESTS", "True", True),
        ("http_api", "ORIGIN_SECRET_ARN", "", ""),
        ("relay_events", "METRICS_NAMESPACE", "Other", "Other"),
        ("sweep", "RETENTION_DAYS", "30", 30),
    ],
)  # fmt: skip
def test_what_is_given_has_its_type(function: str, name: str, given: str, meant: Any) -> None:
    found = read(function, complete(function, **{name: given}))[name]
    assert found == meant
    assert type(found) is type(meant)


@pytest.mark.parametrize(
    ("function", "name", "given"),
    [
        ("relay_events", "TOPIC_ARN", ""),
        ("socket_message", "FAST_PUBLISH", "maybe"),
        ("sweep", "RETENTION_DAYS", "-1"),
        ("sweep", "RETENTION_DAYS", "a month"),
    ],
)
def test_what_is_not_of_its_form_is_named_without_its_value(
    function: str, name: str, given: str
) -> None:
    with pytest.raises(NotConfigured) as refused:
        read(function, complete(function, **{name: given}))
    assert str(refused.value) == f"{function}: {name}: missing or invalid"


def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(NotConfigured, match=r"deliver: .*EVENTS_TABLE, .*VAULT_KEY"):
        read("deliver", {})
