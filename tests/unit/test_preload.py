"""What the local engine loads before it serves, so that no request waits for it."""

import subprocess
import sys
from pathlib import Path

SERVE_A_FILE = """
import asyncio, sys
from pathlib import Path
from local.web import Web, preload

async def serve() -> None:
    web = Web(None, Path(sys.argv[1]), lambda host, origin: True, None, None, None)
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
    said = []

    async def receive():
        await asyncio.Event().wait()

    async def send(message):
        said.append(message)

    await preload()
    before = set(sys.modules)
    await web(scope, receive, send)
    assert said[0]["status"] == 200, said
    print(sorted(set(sys.modules) - before))

asyncio.run(serve())
"""


def test_the_first_file_loads_no_module(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<!doctype html>")
    done = subprocess.run(
        [sys.executable, "-c", SERVE_A_FILE, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
