"""Inserts a sample of faults, one at a time, and runs the nearest tests against each."""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.mutants.equivalent import EQUIVALENT
from tools.mutants.nearest import NEAREST
from tools.mutants.planting import Fault, faults

ROOT = Path(__file__).parent.parent.parent
WANTED = 0.85
"""Share of the faults that the tests must catch."""

SHARED = (".venv", ".tools", ".stamps")
"""Files that the copy of the checkout shares."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault and its module, as of the start of the run."""

    path: str
    source: bytes
    fault: Fault

    def __str__(self) -> str:
        before, after = (" ".join(text.split()) for text in (self.fault.before, self.fault.after))
        return f"{self.path}:{self.fault.line}: {before[:70]} => {after[:70]}"

    @property
    def equivalent(self) -> bool:
        """Whether it is known to change no behaviour."""
        known = EQUIVALENT.get(self.path, {})
        return " ".join(self.fault.before.split()) + " => " + self.fault.after in known


def main() -> int:
    options = _options()
    paths = [p for p in NEAREST if not options.only or any(p.startswith(o) for o in options.only)]
    mutants = [mutant for path in paths for mutant in _mutants(path) if not mutant.equivalent]
    sample = random.Random(options.seed).sample(mutants, min(options.size, len(mutants)))
    sample.sort(key=lambda one: (paths.index(one.path), one.fault.start))
    part, of = map(int, options.part.split("/"))
    print(f"seed {options.seed}: {len(sample)} of {len(mutants)} faults, part {part} of {of}")
    sample = sample[len(sample) * (part - 1) // of : len(sample) * part // of]
    if options.list:
        print(*sample, sep="\n")
        return 0
    survivors: list[Mutant] = []
    with _copy() as copy:
        limits: dict[str, float] = {}
        for number, mutant in enumerate(sample, 1):
            if mutant.path not in limits:
                limits[mutant.path] = _baseline(copy, mutant.path)
            caught, seconds = _caught(copy, mutant, limits[mutant.path])
            word = "caught  " if caught else "SURVIVED"
            print(f"{number:4} {word} {seconds:5.1f} s  {mutant}", flush=True)
            if not caught:
                survivors.append(mutant)
    return _summary(sample, survivors)


def _mutants(path: str) -> list[Mutant]:
    source = (ROOT / path).read_bytes()
    return [Mutant(path, source, fault) for fault in faults(source)]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tools.mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--size", type=int, default=100, help="faults to plant")
    parser.add_argument("--part", default="1/1", metavar="K/N", help="the k-th of n parts of them")
    parser.add_argument("--only", nargs="+", help="modules, by the beginning of their path")
    parser.add_argument("--list", action="store_true", help="say which, and plant none")
    return parser.parse_args()


class _copy:  # noqa: N801 a context manager
    """A copy of the current checkout, in which modules are replaced by faulty ones."""

    def __enter__(self) -> Path:
        self._scratch = tempfile.TemporaryDirectory(prefix="parley-mutants-")
        copy = Path(self._scratch.name)
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        for name in listed.stdout.decode().split("\0"):
            if name and (ROOT / name).exists() and not (ROOT / name).is_dir():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, copy / name, follow_symlinks=False)
        for name in SHARED:
            if (ROOT / name).exists():
                (copy / name).symlink_to(ROOT / name)
        dist = ROOT / "frontend" / "dist"
        if dist.exists():
            (copy / "frontend" / "dist").symlink_to(dist)
        return copy

    def __exit__(self, *_: object) -> None:
        self._scratch.cleanup()


def _baseline(copy: Path, path: str) -> float:
    """Runs a module's tests without a fault; returns the time limit for a fault in seconds."""
    began = time.monotonic()
    code = _tests(copy, path, 600.0)
    if code != 0:
        raise SystemExit(f"the tests of {path} fail without a fault: {NEAREST[path]}")
    return 10 + 4 * (time.monotonic() - began)


def _caught(copy: Path, mutant: Mutant, limit: float) -> tuple[bool, float]:
    planted, began = copy / mutant.path, time.monotonic()
    planted.write_bytes(mutant.fault.planted(mutant.source))
    try:
        code = _tests(copy, mutant.path, limit)
    finally:
        planted.write_bytes(mutant.source)
    return code != 0, time.monotonic() - began


def _tests(copy: Path, path: str, limit: float) -> int | None:
    """Returns the exit code of a module's tests; None if they took too long."""
    tests = [test for test in NEAREST[path] if (copy / test).exists()]
    words = [".venv/bin/python", "-m", "pytest", "-x", "-q", "-m", "not long and not browser"]
    words += ["--hypothesis-seed=0", *tests]
    # No bytecode: two faults of one length within a second would share it. The copy comes before
    # the installed checkout, in the servers that tests start too.
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(
        words,
        cwd=copy,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(limit)
    except subprocess.TimeoutExpired:
        return None
    finally:
        # Servers that its tests started end with it (tests/server/harness.py).
        _kill(process.pid)
        process.wait()


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _summary(sample: Sequence[Mutant], survivors: Sequence[Mutant]) -> int:
    whole, left = Counter(one.path for one in sample), Counter(one.path for one in survivors)
    print()
    for path, count in whole.items():
        print(f"{path:36} {count - left[path]:3} of {count:3}")
    if survivors:
        print("\nsurvivors:", *survivors, sep="\n  ")
    share = 1 - len(survivors) / len(sample)
    print(f"\ncaught {len(sample) - len(survivors)} of {len(sample)} faults: {share:.1%}")
    return 0 if share >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
