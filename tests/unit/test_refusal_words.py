"""The web app recognises some refusals by the server's words: they must be the server's."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROBLEMS = ROOT / "frontend" / "src" / "client" / "problems.ts"


def test_each_message_that_the_web_app_knows_is_one_of_the_server() -> None:
    table = PROBLEMS.read_text().partition("OF_WORDS")[2].partition("};")[0]
    known = re.findall(r'^  "([^"]+)":', table, flags=re.M)
    assert known
    code = "".join(
        path.read_text()
        for folder in ("domain", "functions")
        for path in (ROOT / folder).rglob("*.py")
    )
    assert [words for words in known if f'"{words}"' not in code] == []
