"""The workflows of CI hold to this project's rules and name what there is."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cfn_flip
import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
WORKFLOWS: dict[str, dict[Any, Any]] = {
    file.name: cfn_flip.load_yaml(file.read_text()) for file in FILES
}
ON = True
"""What YAML 1.1 reads the key `on` as."""

PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")


def jobs(workflow: str) -> dict[str, Any]:
    found: dict[str, Any] = WORKFLOWS[workflow]["jobs"]
    return found


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for name in WORKFLOWS:
        for job in jobs(name).values():
            for step in job.get("steps", ()):
                yield name, step


def commands() -> list[str]:
    return [step["run"] for _, step in steps() if "run" in step]


def test_there_is_one_for_each_purpose() -> None:
    assert set(WORKFLOWS) == {"build.yml", "check.yml", "deploy.yml", "stack.yml"}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_rights_are_the_least(name: str) -> None:
    assert WORKFLOWS[name]["permissions"] == {"contents": "read"}
    for job in jobs(name).values():
        more = job.get("permissions", {"contents": "read"})
        assert more in ({"contents": "read"}, {"contents": "read", "id-token": "write"})
        # Only who deploys may prove to AWS who it is.
        assert ("id-token" in more) == ("environment" in job)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_runs_take_turns_and_end(name: str) -> None:
    assert WORKFLOWS[name]["concurrency"]["group"].startswith(name.removesuffix(".yml"))
    for job in jobs(name).values():
        assert "uses" in job or 0 < job["timeout-minutes"] <= 120


def test_actions_are_pinned_by_commit_and_keep_no_credentials() -> None:
    for name, step in steps():
        if "uses" not in step:
            continue
        assert PINNED.fullmatch(step["uses"]), f"{name}: {step['uses']}"
        if step["uses"].startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] in (False, "false")
    text = "".join(file.read_text() for file in FILES)
    assert len(re.findall(r"uses: \S+@[0-9a-f]{40} # v\d", text)) == text.count("@")


def test_no_secret_and_nothing_that_others_write_gets_into_a_command() -> None:
    text = "".join(file.read_text() for file in FILES)
    assert "secrets." not in text
    assert "pull_request_target" not in text
    for command in commands():
        assert set(re.findall(r"\$\{\{\s*(.*?)\s*\}\}", command)) <= {"matrix.architecture"}


def test_called_workflows_exist_and_nothing_is_deployed_untested() -> None:
    called = {name: job["uses"] for name, job in jobs("deploy.yml").items() if "uses" in job}
    for path in called.values():
        assert "workflow_call" in WORKFLOWS[Path(path).name][ON]
        assert (ROOT / path).exists()
    dev, prod = jobs("deploy.yml")["dev"], jobs("deploy.yml")["prod"]
    assert set(dev["needs"]) == set(called) == {"check", "stack", "build"}
    assert prod["needs"] == "dev"


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_deploying_is_by_a_role_of_its_environment(environment: str) -> None:
    job = jobs("deploy.yml")[environment]
    assert job["environment"] == environment
    assert job["permissions"] == {"contents": "read", "id-token": "write"}
    assert "github.ref == 'refs/heads/main'" in job["if"]
    taken = [at for at, step in enumerate(job["steps"]) if "role-to-assume" in step.get("with", {})]
    deployed = [at for at, step in enumerate(job["steps"]) if "make deploy" in step.get("run", "")]
    assert len(taken) == len(deployed) == 1
    # Nothing but the deployment has the credentials.
    assert taken[0] + 1 == deployed[0] == len(job["steps"]) - 1
    assert job["steps"][taken[0]]["with"]["mask-aws-account-id"] in (True, "true")
    assert job["steps"][deployed[0]]["run"] == f"make deploy ENV={environment} UNATTENDED=1"


def test_make_knows_every_target() -> None:
    targets = {
        word
        for command in commands()
        for found in re.findall(r"^make (.+)$", command, re.MULTILINE)
        for word in found.split()
        if "=" not in word and not word.startswith(("$", "{", "}", "matrix"))
    }
    assert {"check", "test", "build", "deploy", "validate"} <= targets
    for target in targets:
        asked = subprocess.run(
            ["make", "--question", target], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert "No rule to make target" not in asked.stderr, asked.stderr


def test_files_that_commands_start_exist() -> None:
    for command in commands():
        for path in re.findall(r"(?:^|\s)(tests/\S+|tools/\S+)", command):
            assert (ROOT / path).exists(), path
