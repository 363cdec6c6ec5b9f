"""The cost of the stack: counts calls, and writes the tables of docs/cost.md and docs/scale.md.

python -m tools.cost            counts again (a minute) and writes the tables
python -m tools.cost --check    fails if a page does not match the stored counts
python -m tools.cost --measure  measures the handlers' processor time on MiniStack (minutes)
"""

import argparse
import sys

from tools.cost.counting import count
from tools.cost.measuring import measure
from tools.cost.tables import filled
from tools.stack.emulator import ROOT

PAGES = [ROOT / "docs" / "cost.md", ROOT / "docs" / "scale.md"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools.cost", description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--tables", action="store_true", help="writes the tables of what is kept")
    asked = parser.parse_args()
    if asked.check:
        stale = [page for page in PAGES if filled(page.read_text()) != page.read_text()]
        for page in stale:
            print(f"stale, run `python -m tools.cost`: {page.relative_to(ROOT)}", file=sys.stderr)
        return 1 if stale else 0
    if asked.measure:
        measure()
    elif not asked.tables:
        count()
    for page in PAGES:
        page.write_text(filled(page.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
