"""Commands of the runbooks, as they stand there."""

import re
from dataclasses import dataclass
from pathlib import Path

BOOKS = Path(__file__).parents[2] / "docs" / "runbooks"
BLOCK = re.compile(r"^```sh(?: aws-only ([a-z]+))?\n(.*?)^```$", flags=re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A block of commands.

    Attributes
    ----------
    reason: why no emulator runs it; None where one does.
    """

    text: str
    reason: str | None = None


def blocks(book: str) -> list[Block]:
    """Returns the blocks of a runbook, in order."""
    found = BLOCK.findall((BOOKS / book).read_text())
    return [Block(text, reason or None) for reason, text in found]


def functions() -> str:
    """Returns the functions that every block uses."""
    return blocks("README.md")[0].text
