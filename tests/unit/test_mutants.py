"""The mutation tester: which faults it plants, and where it looks for tests."""

import ast

import pytest

from tests.server.harness import ROOT
from tools.mutants.nearest import NEAREST
from tools.mutants.planting import faults


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", {"(a <= b)"}),
        ("a and not b", {"(not b)", "a", "b"}),
        ("a + 1", {"(a - 1)", "2"}),
        ("'a' + b", set()),
        ("f(a, b=c)", {"f(a)"}),
        ("sorted(a)", {"list(a)"}),
        ("a[1:]", {"a", "2"}),
        ("[x for x in a if x]", {"True"}),
        ("a if b else c", {"a", "c"}),
    ],
)
def test_faults_of_an_expression(source: str, expected: set[str]) -> None:
    found = {fault.after.strip("()") for fault in faults(f"def f():\n    x = {source}\n".encode())}
    assert found == {one.strip("()") for one in expected}


def test_faults_of_statements() -> None:
    lines = [
        "def f(self):",
        '    """Words."""',
        "    self.a = 1",
        "    if a:",
        '        raise E("words")',
        "    report(a)",
        "    return b",
    ]
    source = "\n".join(lines).encode()
    found = {(fault.line, fault.after) for fault in faults(source)}
    assert found == {
        (3, "pass"), (3, "2"), (4, "True"), (4, "False"), (5, "pass"), (7, "return None"),
    }  # fmt: skip


@pytest.mark.parametrize("path", NEAREST)
def test_every_fault_can_be_planted_and_every_module_has_tests(path: str) -> None:
    source = (ROOT / path).read_bytes()
    found = faults(source)
    assert found
    assert any((ROOT / test).exists() for test in NEAREST[path])
    for fault in found:
        planted = fault.planted(source)
        assert planted != source
        ast.parse(planted)


def test_the_tests_that_are_named_are_there() -> None:
    named = {test for tests in NEAREST.values() for test in tests}
    assert [test for test in sorted(named) if not (ROOT / test).exists()] == []
