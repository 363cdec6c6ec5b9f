"""SAM and cfn-lint find nothing in the templates."""

import subprocess
from pathlib import Path

import pytest

from tools.stack.building import SAM, sam_environment
from tools.stack.emulator import ROOT

TEMPLATES = [ROOT / "template.yaml", *sorted((ROOT / "infra").glob("*.yaml"))]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_is_valid(template: Path) -> None:
    if not SAM.exists():
        pytest.skip("SAM CLI is not installed: make .stamps/sam")
    done = subprocess.run(
        [SAM, "validate", "--lint", "--template", template],
        cwd=ROOT,
        env=sam_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
