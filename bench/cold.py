"""`python -m bench.cold`: measures how long a cold function takes to import and to create its
clients.

Each figure is for new processes of the functions' Python with the built artifact and the packages
of Lambda's runtime (boto3), both read-only, on this machine. Lambda gives a share of a core in
proportion to memory, so a small function takes longer. AWS's answers are canned and immediate: only
Parley's code and the SDK are measured. For comparison, the same artifact is measured without the
bytecode that the build adds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from functions.settings import SETTINGS
from tools.stack.building import BUILD, ensure_built
from tools.stack.emulator import HOME, ROOT, StackError

FUNCTIONS = tuple(sorted(SETTINGS))
RUNS = 5
LIMIT_MS = 400.0
"""Milliseconds that a cold import may take."""

SDK = "sdk"
"""Represents an import of only the SDK, which does not depend on Parley's functions."""

SDK_MS = 160.0
"""Milliseconds of processor time for only the SDK on the machine for which LIMIT_MS is meant: two
cores of a small cloud machine, idle (docs/performance.md). A machine that needs longer is slower by
that factor."""

RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six.py")
"""Packages that the runtime has and the artifact leaves out."""

NOT_READ = shutil.ignore_patterns("__pycache__", "examples-1.json", "*.rst")

_CHILD = ROOT / "bench" / "cold_child.py"


@dataclass(frozen=True)
class Cold:
    """One cold start, in milliseconds.

    Attributes
    ----------
    imported: importing the handler and the composition root.
    cpu: processor time of the import.
    composed: creating the clients and adapters of the function.
    modules: number of loaded modules.
    uncompiled: modules of the artifact without bytecode.
    """

    imported: float
    cpu: float
    composed: float
    modules: int
    uncompiled: list[str]


@contextlib.contextmanager
def runtime() -> Iterator[Path]:
    """Yields a folder with only the packages of Lambda's runtime, compiled.

    Raises
    ------
    StackError: it is not installed.
    """
    (packages,) = HOME.glob("lib/python3.13/site-packages") or (None,)
    if packages is None:
        raise StackError(
            "MiniStack, whose boto3 is taken, is not installed: make .stamps/ministack"
        )
    with tempfile.TemporaryDirectory(prefix="parley-cold-") as folder:
        for name in RUNTIME:
            if (packages / name).is_dir():
                shutil.copytree(packages / name, Path(folder) / name, ignore=NOT_READ)
            else:
                shutil.copy(packages / name, folder)
        compiling = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", folder]
        subprocess.run([HOME / "bin" / "python", *compiling], check=True)
        yield Path(folder)


@contextlib.contextmanager
def copies(artifact: Path) -> Iterator[tuple[Path, Path]]:
    """Yields two copies of the artifact that no build changes, one as shipped and one without its
    bytecode."""
    with tempfile.TemporaryDirectory(prefix="parley-cold-") as folder:
        shipped, bare = Path(folder) / "shipped", Path(folder) / "bare"
        shutil.copytree(artifact, shipped)
        shutil.copytree(artifact, bare, ignore=shutil.ignore_patterns("__pycache__"))
        yield shipped, bare


def start(function: str, artifact: Path, packages: Path, *, traced: bool = False) -> Cold:
    """Starts a function cold, with X-Ray's traces on or off. Raises StackError if it does not
    start."""
    command = [HOME / "bin" / "python", "-I", "-S", "-B", _CHILD, function, artifact, packages]
    done = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, "TRACING": "Active" if traced else "PassThrough"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StackError(f"{function} does not come up:\n{done.stderr}")
    return Cold(**json.loads(done.stdout))


def starts(
    function: str, artifact: Path, packages: Path, runs: int = RUNS, *, traced: bool = False
) -> list[Cold]:
    """Starts a function cold several times, after one start that only warms the disk's cache."""
    start(function, artifact, packages, traced=traced)
    return [start(function, artifact, packages, traced=traced) for _ in range(runs)]


def row(function: str, shipped: Sequence[Cold], bare: Sequence[Cold]) -> str:
    imported = statistics.median(one.imported for one in shipped)
    compiled = statistics.median(one.imported for one in bare)
    return (
        f"| {function} | {imported:.0f} | {min(one.imported for one in shipped):.0f} "
        f"| {statistics.median(one.cpu for one in shipped):.0f} "
        f"| {statistics.median(one.composed for one in shipped):.0f} | {shipped[0].modules} "
        f"| {compiled:.0f} | {compiled / imported:.1f} |"
    )


HEADING = """\
| function | import, ms | best | processor | wiring, ms | modules | without bytecode, ms | times |
|---|---|---|---|---|---|---|---|"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.cold", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help=f"of which the median ({RUNS})")
    parser.add_argument("--only", nargs="+", choices=FUNCTIONS, default=FUNCTIONS)
    parser.add_argument("--traced", action="store_true", help="with X-Ray's traces on")
    options = parser.parse_args()
    try:
        ensure_built("x86_64")
        with runtime() as packages, copies(BUILD / "artifact") as (artifact, bare):
            print(HEADING)
            for function in (SDK, *options.only):
                shipped, compiled = (
                    starts(function, code, packages, options.runs, traced=options.traced)
                    for code in (artifact, bare)
                )
                print(row(function, shipped, compiled), flush=True)
    except StackError as error:
        print(f"cold: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
