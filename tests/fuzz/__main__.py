"""`python -m tests.fuzz --seconds 30 --seed 7`: fuzzes a new data folder and prints the report."""

import argparse
import random
import tempfile
from pathlib import Path

from tests.fuzz.running import run

parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
parser.add_argument("--seconds", type=float, default=30)
parser.add_argument("--seed", type=int, default=None)
options = parser.parse_args()
with tempfile.TemporaryDirectory() as scratch:
    seed = random.randrange(2**32) if options.seed is None else options.seed
    print(run(Path(scratch), options.seconds, seed).text())
