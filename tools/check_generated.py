"""Fails when generated files are stale: schemas, the OpenAPI document and TypeScript types (part of
`make check`)."""

import filecmp
import subprocess
import sys
import tempfile
from pathlib import Path

from functions.routes.service import DOCUMENT

ROOT = Path(__file__).parent.parent


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        schemas, types = Path(scratch, "schema"), Path(scratch, "types")
        document = Path(scratch, DOCUMENT.name)
        made_by = [sys.executable, "-m", "tools.generate_wire", str(schemas), str(document)]
        subprocess.run(made_by, check=True)
        subprocess.run(
            ["npm", "run", "--silent", "types", "--", str(schemas), str(types)],
            cwd=ROOT / "frontend",
            check=True,
        )
        stale = [
            path
            for made, kept in (
                (schemas, ROOT / "docs" / "schema"),
                (types, ROOT / "frontend" / "src" / "wire"),
            )
            for path in _different(made, kept)
        ]
        if not filecmp.cmp(document, DOCUMENT, shallow=False):
            stale.append(str(DOCUMENT.relative_to(ROOT)))
    if stale:
        print("stale, run `make types`:", *stale, sep="\n  ", file=sys.stderr)
    return 1 if stale else 0


def _different(made: Path, kept: Path) -> list[str]:
    names = sorted({path.name for folder in (made, kept) for path in folder.iterdir()})
    return [
        f"{kept.relative_to(ROOT)}/{name}"
        for name in names
        if not (made / name).exists()
        or not (kept / name).exists()
        or not filecmp.cmp(made / name, kept / name, shallow=False)
    ]


if __name__ == "__main__":
    sys.exit(main())
