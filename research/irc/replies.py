"""The reply links of a log: who answers whom, annotated by people."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

# At most nine digits: int() refuses thousands of them.
_LINK = re.compile(r"([0-9]{1,9}) ([0-9]{1,9}) -\s*")


@dataclass(frozen=True, slots=True)
class Links:
    """`parents`: line -> the earlier lines it replies to, all from 0.

    `bad`: (line of the replies file from 1, its text, the reason) of lines that were not
    understood.
    """

    parents: Mapping[int, list[int]]
    bad: list[tuple[int, str, str]]


def parse_links(text: str, lines: int) -> Links:
    """Returns the links of a replies file, for a log with that many lines.

    `A B -` says that line B replies to line A, `A A -` that a conversation starts there. A link
    whose A comes after B is neither a reply nor an error.
    """
    parents: dict[int, list[int]] = {}
    bad: list[tuple[int, str, str]] = []
    for number, raw in enumerate(text.split("\n"), start=1):
        if not raw.strip():
            continue
        match = _LINK.fullmatch(raw)
        if match is None:
            bad.append((number, raw, "not a link of the form 'A B -'"))
            continue
        parent, child = int(match[1]), int(match[2])
        if max(parent, child) >= lines:
            bad.append((number, raw, f"the link points beyond the log's {lines} lines"))
        elif parent < child:
            parents.setdefault(child, []).append(parent)
    return Links(parents, bad)
