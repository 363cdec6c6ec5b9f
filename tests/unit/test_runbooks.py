"""Runbooks, alarms and the docs name each other."""

import re
from collections import Counter
from pathlib import Path

from tests.support.runbooks import BOOKS, blocks
from tests.unit.template.reading import FAILURES, ROOT, of_type

NAMED = re.compile(r"docs/runbooks/([a-z-]+\.md)")
LINK = re.compile(r"\]\(([^)#]+\.md)")
CODE = re.compile(r"`([A-Z][A-Za-z]+)`")


def books() -> set[str]:
    return {file.name for file in BOOKS.glob("*.md")} - {"README.md"}


def index() -> dict[str, set[str]]:
    """Returns the pages that the index names below each heading."""
    found: dict[str, set[str]] = {}
    for part in (BOOKS / "README.md").read_text().split("\n## ")[1:]:
        rows = [line for line in part.splitlines() if line.startswith("| ")]
        found[part.splitlines()[0]] = {name for row in rows for name in LINK.findall(row)}
    return found


def alarms() -> dict[str, str]:
    kind = "AWS::CloudWatch::Alarm"
    return {name: one.get("AlarmDescription", "") for name, one in of_type(kind).items()}


def test_an_alarm_names_a_runbook_that_is_there_and_the_index_agrees() -> None:
    index_text = (BOOKS / "README.md").read_text()
    rows = {
        name: row
        for row in index_text.splitlines()
        if row.startswith("| `")
        for name in CODE.findall(row)
    }
    for name, text in alarms().items():
        for book in NAMED.findall(text):
            assert book in books(), name
            assert f"({book})" in rows[name], name
        # Those of each function the index names together.
        ours = f"…{next((kind for kind in FAILURES if name.endswith(kind)), name)}"
        assert name in rows or f"`{ours}`" in index_text, name
    assert {name for name in rows if name not in alarms()} == set()


def test_every_runbook_is_named_by_an_alarm_or_said_to_have_none() -> None:
    named = {book for text in alarms().values() for book in NAMED.findall(text)}
    silent = index()["Without an alarm"]
    assert named | silent == books()
    assert not named & silent
    assert index()["By alarm"] == named
    for book in silent:
        assert "No alarm rings for this" in (BOOKS / book).read_text(), book


def test_what_the_docs_name_is_there() -> None:
    files = [ROOT / "README.md", ROOT / "template.yaml", *(ROOT / "docs").rglob("*.md")]
    for file in files:
        for book in NAMED.findall(file.read_text()):
            assert (BOOKS / book).exists(), file
    for file in BOOKS.glob("*.md"):
        for link in LINK.findall(file.read_text()):
            assert (BOOKS / Path(link)).exists(), (file.name, link)


def test_every_block_says_whether_it_was_run() -> None:
    for file in BOOKS.glob("*.md"):
        fences = re.findall(r"^```(.*)$", file.read_text(), flags=re.M)
        assert len(fences) % 2 == 0, file.name
        for fence in fences[::2]:
            assert fence == "sh" or re.fullmatch(r"sh aws-only [a-z]+", fence), (file.name, fence)
        assert blocks(file.name), file.name


def test_the_blocks_that_nobody_ran_and_why() -> None:
    """What MiniStack cannot show, what cannot be taken back, and what costs."""
    reasons = Counter(
        (file.stem, block.reason)
        for file in BOOKS.glob("*.md")
        for block in blocks(file.name)
        if block.reason
    )
    assert reasons == {
        ("README", "stays"): 1,
        ("leaked-ticket", "mails"): 1,
        ("leaked-ticket", "irrevocable"): 1,
        ("leaked-ticket", "stops"): 1,
        ("leaked-ticket", "cloudtrail"): 1,
        ("region-loss", "athena"): 1,
        ("region-loss", "deploys"): 2,
        ("restore", "deletes"): 2,
        ("restore", "deploys"): 1,
        ("throttled-room", "price"): 1,
        ("throttled-room", "throttles"): 1,
    }
