"""The three stacks together, and what goes with the templates."""

import re
import tomllib
from pathlib import Path

from functions.settings import SETTINGS
from tests.unit.template.reading import ROOT, functions, named, of_type, parameters
from tools.stack.parts import APPLICATION, OBSERVABILITY, PARTS, STATE
from tools.stack.templates import template


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
