"""The JSON cases that the web app's fold runs too (frontend/tests)."""

import json
from pathlib import Path
from typing import Any

import pytest

from domain import room
from domain.room.view import Gap, RoomView

FOLDS = Path(__file__).parent.parent / "golden" / "folds"
CASES = sorted(FOLDS.glob("*/*.json"))
"""A folder for each concern of domain/room."""


def shown(view: RoomView) -> dict[str, Any]:
    members = {user: row["role"] for user, row in view.members.items() if row.get("role")}
    return {
        "version": view.version,
        "name": view.name,
        "kind": view.kind,
        "member_count": view.member_count,
        "members": members,
        "messages": [message for _, message in sorted(view.messages.items())],
        "facts": view.facts(),
    }


@pytest.mark.parametrize("path", CASES, ids=lambda path: str(path.relative_to(FOLDS)))
def test_case(path: Path) -> None:
    case = json.loads(path.read_text())
    # A case that says nothing of facts expects none.
    expected = {"facts": {}, **case["view"]}
    assert shown(RoomView().apply_all(case["events"])) == expected, case["about"]


def test_there_are_cases() -> None:
    assert len(CASES) >= 15


def test_a_gap_is_refused() -> None:
    case = json.loads(CASES[0].read_text())
    view = RoomView().apply_all(case["events"])
    with pytest.raises(Gap):
        view.apply({**case["events"][0], "version": view.version + 2})


def test_every_folder_of_cases_is_a_concern_of_the_room() -> None:
    concerns = {path.stem for path in Path(room.__file__).parent.glob("*.py")}
    assert {path.parent.name for path in CASES} <= concerns
