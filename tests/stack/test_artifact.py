"""What `sam build` makes: one artifact, small, and quick to start cold."""

import re
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path

import pytest

from bench.cold import FUNCTIONS, LIMIT_MS, SDK, SDK_MS, Cold, copies, runtime, start
from tools.stack.building import BUILD, LIMIT, ensure_built, size
from tools.stack.emulator import StackError

ATTEMPTS = 8
"""Starts of which the best counts: other work of a machine makes them longer, never shorter."""


@pytest.fixture(scope="module")
def artifact() -> Iterator[Path]:
    try:
        ensure_built("x86_64")
    except StackError as error:
        pytest.skip(str(error))
    with copies(BUILD / "artifact") as (shipped, _):
        yield shipped


@pytest.fixture(scope="module")
def packages() -> Iterator[Path]:
    try:
        with runtime() as found:
            yield found
    except StackError as error:
        pytest.skip(str(error))


def test_there_is_one_artifact_and_every_function_takes_it(artifact: Path) -> None:
    template = (BUILD / "template.yaml").read_text()
    assert re.findall(r"^      CodeUri: (.+)$", template, re.MULTILINE) == (
        ["artifact.zip"] * len(FUNCTIONS)
    )
    assert [folder.name for folder in BUILD.iterdir() if folder.is_dir()] == ["artifact"]


def test_it_is_under_20_mb_and_leaves_out_what_the_runtime_has(artifact: Path) -> None:
    weight = size(artifact)
    print(f"{weight:,} bytes unzipped")
    assert weight < LIMIT == 20_000_000
    for name in ("boto3", "botocore", "s3transfer", "tests", "local", "frontend", "bench"):
        assert not (artifact / name).exists(), name
    assert {"functions", "domain", "adapters"} <= {entry.name for entry in artifact.iterdir()}


TRACED = ("http_api", "socket_message")
"""Functions that take longest to import: with traces on they are the first to pass the limit."""


@pytest.mark.parametrize(
    ("function", "traced"),
    [*((function, False) for function in FUNCTIONS), *((function, True) for function in TRACED)],
)
def test_cold_import(function: str, traced: bool, artifact: Path, packages: Path) -> None:
    def begin() -> Cold:
        return start(function, artifact, packages, traced=traced)

    best, sdk = begin(), start(SDK, artifact, packages)
    for _ in range(ATTEMPTS):
        if best.cpu < LIMIT_MS:
            break
        best = min(best, begin(), key=attrgetter("cpu"))
        sdk = min(sdk, start(SDK, artifact, packages), key=attrgetter("cpu"))
    # Wall time is what is meant. On a machine that does other work the processor's time is what an
    # idle core would have taken, since imports wait for nothing but the disk's cache; and a slow
    # core shows by what the SDK alone takes.
    slower = max(1.0, sdk.cpu / SDK_MS)
    print(
        f"{function}: {best.imported:.0f} ms ({best.cpu:.0f} ms of processor) to import "
        f"{best.modules} modules, {best.composed:.0f} ms to wire; the SDK alone {sdk.cpu:.0f} ms"
    )
    assert best.cpu < LIMIT_MS * slower


def test_the_sdk_is_not_loaded_as_a_whole(artifact: Path, packages: Path) -> None:
    # botocore's clients are enough; boto3 would add some sixty modules.
    (packages / "boto3").rename(packages / "boto3-away")
    try:
        start("deliver", artifact, packages)
    finally:
        (packages / "boto3-away").rename(packages / "boto3")


@pytest.mark.parametrize("traced", [False, True])
def test_all_that_a_cold_start_loads_is_compiled(
    artifact: Path, packages: Path, traced: bool
) -> None:
    for function in ("http_api", "socket_message", "deliver"):
        shipped = start(function, artifact, packages, traced=traced)
        assert shipped.uncompiled == []
