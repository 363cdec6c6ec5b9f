"""Builds the functions' artifact: runs `sam build`, then removes files that functions never load.

    python -m tools.stack.building [--architecture arm64]

It removes files of packages for their own tests and for pages that are not served. It adds the
bytecode of the modules that handlers import: a function's folder is read-only, so Python would
compile all of them again at each cold start (2 to 3 times the import's time).
"""

import argparse
import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from functions.aws import OCCASIONAL
from tools.stack.emulator import ROOT, StackError, without_aws

SAM = ROOT / ".tools" / "sam" / "bin" / "sam"
BUILD = ROOT / ".aws-sam" / "parley"
SAM_SETTINGS = {
    "SAM_CLI_TELEMETRY": "0",
    # Without it SAM treats Fn::ForEach as a resource and fails.
    "SAM_CLI_ENABLE_LANGUAGE_EXTENSIONS": "1",
}
"""Environment variables of every run of SAM CLI."""

LIMIT = 20_000_000
"""Maximum of bytes of the unzipped artifact."""

PROVIDED = ("botocore", "dateutil", "python_dateutil", "six", "urllib3")
"""Packages that X-Ray's SDK requires and Lambda's runtime has."""

UNUSED = (
    *(f"{package}{rest}" for package in PROVIDED for rest in ("", ".py", "-*")),
    # Of X-Ray's extensions, botocore's, its helpers and resources stay.
    "aws_xray_sdk/ext/[!bru_]*",
    "wrapt-stubs",
    "wrapt/*.c",
    "Cryptodome/SelfTest",
    "aws_lambda_powertools/event_handler",
    *(
        f"aws_lambda_powertools/utilities/{one}"
        for one in ("data_classes", "idempotency", "parser")
    ),
    "eventsourcing/tests",
    "eventsourcing/examples",
    "**/*.pyi",
    "**/__pycache__",
)
_LOADED = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*sorted(sys.modules), sep="\\n")
"""
_COMPILE = """
import py_compile, sys
for file in sys.argv[1:]:
    py_compile.compile(
        file,
        dfile="/var/task/" + file,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        doraise=True,
    )
"""


def python313() -> Path:
    """Returns a Python of the functions' version. Raises StackError."""
    found = subprocess.run(
        [ROOT / "tools" / "find_python313.sh"], capture_output=True, text=True, check=False
    )
    if found.returncode:
        raise StackError(found.stderr.strip())
    return Path(found.stdout.strip())


def sam_environment() -> dict[str, str]:
    """Returns an environment in which SAM finds the functions' Python."""
    path = f"{python313().parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {
        **without_aws(os.environ),
        "PATH": path,
        **SAM_SETTINGS,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Waits until no other build runs here, and makes others wait."""
    BUILD.parent.mkdir(exist_ok=True)
    with (BUILD.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build(architecture: str) -> Path:
    """Builds the template; returns the artifact's folder.

    Raises
    ------
    StackError: as `_build` does.
    """
    with _alone():
        return _build(architecture)


def _build(architecture: str) -> Path:
    """Builds the template; returns the artifact's folder.

    Raises
    ------
    StackError: SAM fails, makes more than one build, or the artifact is too big.
    """
    if not SAM.exists():
        raise StackError("SAM CLI is not installed: make .stamps/sam")
    command = [
        str(SAM),
        "build",
        *("--build-dir", str(BUILD)),
        *("--parameter-overrides", f"Architecture={architecture}"),
    ]
    done = subprocess.run(
        command, cwd=ROOT, env=sam_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StackError(f"sam build failed:\n{done.stdout}{done.stderr}")
    artifact = _one_artifact(done.stderr)
    trim(artifact)
    weight = size(artifact)
    if weight > LIMIT:
        raise StackError(f"the artifact weighs {weight:,} bytes, over {LIMIT:,}")
    _zip(artifact)
    (BUILD / "architecture").write_text(architecture)
    return artifact


def ensure_built(architecture: str) -> None:
    """Builds unless nothing changed since the last build. Raises StackError."""
    with _alone():
        if not _is_fresh(architecture):
            _build(architecture)


def _is_fresh(architecture: str) -> bool:
    made = BUILD / "artifact.zip"
    mark = BUILD / "architecture"
    folders = [ROOT / name for name in ("adapters", "artifact", "domain", "functions")]
    files = [ROOT / "template.yaml", *(f for folder in folders for f in folder.rglob("*.*"))]
    changed = max(file.stat().st_mtime for file in files if file.suffix != ".pyc")
    same = made.exists() and mark.exists() and mark.read_text() == architecture
    return same and made.stat().st_mtime > changed


def _one_artifact(log: str) -> Path:
    """Keeps one of the equal folders to which SAM copied its only build."""
    if log.count("Building codeuri:") != 1:
        raise StackError(f"one build was expected of SAM:\n{log}")
    first, *others = sorted(entry for entry in BUILD.iterdir() if entry.is_dir())
    for other in others:
        shutil.rmtree(other)
    return first.rename(BUILD / "artifact")


def _zip(artifact: Path) -> None:
    """Zips the artifact once for all functions: `sam deploy` would zip the same folder for each."""
    shutil.make_archive(str(BUILD / "artifact"), "zip", artifact)
    template = BUILD / "template.yaml"
    text = template.read_text()
    template.write_text(re.sub(r"^(      CodeUri:) \w+$", r"\1 artifact.zip", text, flags=re.M))


def trim(artifact: Path) -> None:
    """Removes files that no function loads and compiles the others."""
    for pattern in UNUSED:
        for found in list(artifact.glob(pattern)):
            if found.is_dir():
                shutil.rmtree(found)
            else:
                found.unlink()
    # Which modules are loaded does not depend on the architecture, bytecode neither: so an
    # artifact for arm64 is compiled on any machine.
    wanted = [*handlers(), *OCCASIONAL.values()]
    loaded = _run([sys.executable, "-B", "-c", _LOADED, *wanted], ROOT).split()
    _run([python313(), "-c", _COMPILE, *_sources(artifact, loaded)], artifact)


def handlers() -> list[str]:
    """Returns the modules of the functions, handlers and composition root."""
    return [f"functions.{file.stem}" for file in sorted((ROOT / "functions").glob("[!_]*.py"))]


def _sources(artifact: Path, loaded: Sequence[str]) -> list[str]:
    """Returns the artifact's files that hold modules of these names."""
    paths = [name.replace(".", "/") for name in loaded]
    files = [file for path in paths for file in (f"{path}.py", f"{path}/__init__.py")]
    return [file for file in files if (artifact / file).exists()]


def _run(command: Sequence[str | Path], folder: Path) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=without_aws(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StackError(f"{command[0]} failed:\n{done.stderr}")
    return done.stdout


def size(folder: Path) -> int:
    """Returns the bytes of a folder's files."""
    return sum(file.stat().st_size for file in _files(folder))


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if file.is_file())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architecture", default="arm64", choices=["arm64", "x86_64"])
    options = parser.parse_args()
    try:
        artifact = build(options.architecture)
    except StackError as error:
        print(f"build: {error}", file=sys.stderr)
        return 1
    print(f"{artifact.relative_to(ROOT)}: {size(artifact):,} bytes unzipped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
