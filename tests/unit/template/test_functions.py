"""Functions: settings, logs, alarms and releases."""

import re

import pytest

from functions.settings import SETTINGS
from tests.unit.template.reading import (
    FAILURES,
    ROOT,
    environment,
    functions,
    named,
    of_type,
    watched,
)
from tools.stack.templates import template


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
