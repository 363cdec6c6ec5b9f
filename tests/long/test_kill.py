"""SIGKILL at any moment loses nothing that was acknowledged and adds nothing twice."""

import os
import random
from pathlib import Path

import pytest

from tests.server.harness import Server
from tests.server.load import Load, kill_series


def series(folder: Path, kills: int, seed: int) -> None:
    print(f"seed {seed}")
    with Server(folder) as server:
        load = Load(server, rooms=2, writers=3, window=8)
        kept = kill_series(server, load, kills, seed)
        acked = sum(len(writer.acked) for writer in load.writers)
        print(f"{kills} kills, {acked} acknowledged messages, {kept} events")
        assert acked > 20 * kills


def test_killed_twice(tmp_path: Path) -> None:
    series(tmp_path / "data", kills=2, seed=20261120)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_killed_twenty_times(tmp_path: Path) -> None:
    given = os.environ.get("KILL_SEED")
    series(tmp_path / "data", kills=20, seed=int(given) if given else random.randrange(2**32))
