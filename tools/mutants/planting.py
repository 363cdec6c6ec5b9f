"""Faults that can be inserted into a module: small changes of its syntax tree, as changes of
text."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
}
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list"}
UNTESTED = {"report", "logger"}
"""Calls for people who read logs: their output is not tested behaviour."""

TRUE, FALSE, PASS = ast.Constant(True), ast.Constant(False), ast.Pass()


@dataclass(frozen=True, slots=True)
class Fault:
    """One change of a module.

    Attributes
    ----------
    line: where it is, from 1.
    start, end: the bytes of the source that it replaces.
    before, after: the text there, and the text in its place.
    """

    line: int
    start: int
    end: int
    before: str
    after: str

    def planted(self, source: bytes) -> bytes:
        return source[: self.start] + self.after.encode() + source[self.end :]


def faults(source: bytes) -> list[Fault]:
    """Returns every fault that can be inserted into a module, by position."""
    tree = ast.parse(source)
    lines = [0]
    for line in source.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    found = []
    for node, after in _changes(tree):
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = lines[node.lineno - 1] + node.col_offset
        end = lines[node.end_lineno - 1] + node.end_col_offset
        text = ast.unparse(after)
        if isinstance(after, ast.expr) and not isinstance(after, ast.Constant | ast.Call):
            text = f"({text})"
        found.append(Fault(node.lineno, start, end, source[start:end].decode(), text))
    return sorted(set(found), key=lambda fault: (fault.start, fault.end, fault.after))


Node = ast.expr | ast.stmt


def _changes(tree: ast.Module) -> Iterator[tuple[Node, ast.AST]]:
    """Yields each node that can be changed, with its replacement."""
    for scope in _bodies(tree):
        for node in _within(scope):
            if isinstance(node, ast.stmt):
                yield from _statement(node)
            elif isinstance(node, ast.expr):
                yield from _expression(node)


def _bodies(tree: ast.AST) -> Iterator[ast.AST]:
    """Yields functions with a body: none of a Protocol, no stand-in."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            if not any(ast.unparse(base).startswith("Protocol") for base in node.bases):
                yield from _bodies(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            # Tables of the module; its numbers are what it is tuned by.
            tuned = (ast.Constant, ast.BinOp, ast.UnaryOp)
            yield from () if isinstance(node.value, tuned) else (node.value,)


def _within(scope: ast.AST) -> Iterator[ast.AST]:
    """Walks executed code: no annotations, no docstrings, no assertions for the type checker."""
    if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
        body = scope.body[1:] if ast.get_docstring(scope) is not None else scope.body
        defaults = [value for value in scope.args.kw_defaults if value is not None]
        children: list[ast.AST] = [*body, *scope.args.defaults, *defaults]
    else:
        children = [scope]
    for child in children:
        yield from _walk(child)


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Assert | ast.Import | ast.ImportFrom | ast.JoinedStr):
        return
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield from _within(node)
        return
    if isinstance(node, ast.AnnAssign):
        if node.value is not None:
            yield from _walk(node.value)
        return
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("cast", "TypeVar"):
        yield from _walk(node.args[-1])
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _walk(child)


def _statement(node: ast.stmt) -> Iterator[tuple[Node, ast.AST]]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        called = ast.unparse(node.value.func).partition(".")[0]
        if called not in UNTESTED:
            yield node, PASS
    elif isinstance(node, ast.AugAssign | ast.Raise | ast.Break | ast.Continue | ast.Delete):
        yield node, PASS
    elif isinstance(node, ast.Assign):
        if not any(isinstance(target, ast.Name) for target in node.targets):
            yield node, PASS
    elif isinstance(node, ast.Return) and node.value is not None:
        if ast.unparse(node.value) != "None":
            yield node, ast.Return(ast.Constant(None))
    elif isinstance(node, ast.If):
        yield node.test, TRUE
        yield node.test, FALSE
    elif isinstance(node, ast.While) and not isinstance(node.test, ast.Constant):
        yield node.test, FALSE


def _expression(node: ast.expr) -> Iterator[tuple[Node, ast.AST]]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        turned = COMPARISONS[type(node.ops[0])]()
        yield node, ast.Compare(node.left, [turned], node.comparators)
    elif isinstance(node, ast.IfExp):
        yield node, node.body
        yield node, node.orelse
    elif isinstance(node, ast.BoolOp):
        for dropped in node.values:
            left = [value for value in node.values if value is not dropped]
            yield node, left[0] if len(left) == 1 else ast.BoolOp(node.op, left)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node, node.operand
    elif isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        if not any(_is_text(side) for side in (node.left, node.right)):
            yield node, ast.BinOp(node.left, OPERATORS[type(node.op)](), node.right)
    elif isinstance(node, ast.Constant) and type(node.value) is bool:
        yield node, ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        yield node, ast.Constant(node.value + 1)
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        yield node, node.value
    elif isinstance(node, ast.Call):
        yield from _call(node)
    elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
        for comprehension in node.generators:
            for condition in comprehension.ifs:
                yield condition, TRUE


def _call(node: ast.Call) -> Iterator[tuple[Node, ast.AST]]:
    called = node.func.id if isinstance(node.func, ast.Name) else ""
    # `sorted(x, key=...)` has no list to stand in for it.
    if called in CALLS and not (called == "sorted" and node.keywords):
        other = ast.Name(CALLS[called], ast.Load())
        yield node, ast.Call(other, node.args, node.keywords)
    for dropped in node.keywords:
        if dropped.arg is not None and len(node.keywords) + len(node.args) > 1:
            left = [keyword for keyword in node.keywords if keyword is not dropped]
            yield node, ast.Call(node.func, node.args, left)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    )
