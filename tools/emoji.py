"""Writes domain/protocol/emoji_data.py from Unicode's emoji-test.txt.

python -m tools.emoji emoji-test.txt
python -m tools.emoji --check emoji-test.txt

The file is https://www.unicode.org/Public/17.0.0/emoji/emoji-test.txt (or a later version's). Run
it again for each new version: emoji that are missing in a later version's file would be refused in
reactions, so the script stops if the table would lose one.
"""

import re
import sys
from pathlib import Path

from domain.protocol import emoji

TARGET = Path(__file__).parents[1] / "domain" / "protocol" / "emoji_data.py"
TONES = [chr(point) for point in range(0x1F3FB, 0x1F400)]
LINE = re.compile(r"^([0-9A-F ]+?) *; (fully-qualified|minimally-qualified|unqualified) ", re.M)
WIDTH = 40
"""Code points per line: an emoji is two columns wide, joiners and tones none or two."""

HEADER = '''"""Emoji of Unicode's emoji-test.txt: made by tools/emoji.py, not edited by hand.

Version {version}, {date}; {count:,} fully-qualified sequences. The data file is
copyright {copyright}, under the Unicode License v3
(https://www.unicode.org/license.txt).

Separated by blanks; `*` stands for each of the five skin tones in turn.
"""

VERSION = "{version}"

FULLY_QUALIFIED = """\\
{table}
"""
'''


def sequences(text: str) -> dict[str, str]:
    """Returns the status of each sequence, without components, which are not emoji by
    themselves."""
    return {
        "".join(chr(int(point, 16)) for point in points.split()): status
        for points, status in LINE.findall(text)
    }


def folded(whole: list[str]) -> list[str]:
    """Returns the sequences; those that differ only in one skin tone are combined into one with
    `*`."""
    known, found = set(whole), []
    done: set[str] = set()
    for one in whole:
        if one in done:
            continue
        tones = [char for char in one if char in TONES]
        if len(tones) == 1:
            pattern = one.replace(tones[0], "*")
            all_five = {pattern.replace("*", tone) for tone in TONES}
            if all_five <= known:
                done |= all_five
                found.append(pattern)
                continue
        found.append(one)
    return found


def table(parts: list[str]) -> str:
    lines: list[str] = []
    line: list[str] = []
    width = 0
    for part in parts:
        if width + len(part) + 1 > WIDTH and line:
            lines.append(" ".join(line))
            line, width = [], 0
        line.append(part)
        width += len(part) + 1
    return "\n".join([*lines, " ".join(line)])


def main(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = sequences(text)
    whole = [one for one, status in found.items() if status == "fully-qualified"]
    lost = emoji.known() - set(whole)
    if lost:
        raise SystemExit(f"{len(lost)} emoji would be lost, such as {sorted(lost)[0]!r}")
    source = HEADER.format(
        version=_after("# Version: ", text),
        date=_after("# Date: ", text).split(",")[0],
        copyright=_after("# © ", text),
        count=len(whole),
        table=table(folded(whole)),
    )
    TARGET.write_text(source, encoding="utf-8")
    print(f"{len(whole):,} emoji, {TARGET.stat().st_size:,} bytes")


def check(path: Path) -> None:
    """Raises if a listed sequence is refused, or the table contains another one."""
    found = sequences(path.read_text(encoding="utf-8"))
    assert emoji.known() == {one for one, status in found.items() if status == "fully-qualified"}
    assert not [one for one in found if not emoji.is_emoji(one)]


def _after(mark: str, text: str) -> str:
    match = re.search(f"^{re.escape(mark)}(.*)$", text, re.M)
    if match is None:
        raise SystemExit(f"the file has no line {mark!r}")
    return match[1].strip()


if __name__ == "__main__":
    run = check if "--check" in sys.argv else main
    run(Path(sys.argv[-1]))
