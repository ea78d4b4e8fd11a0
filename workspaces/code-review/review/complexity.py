"""Finds functions that are hard to follow: McCabe's complexity and length, counted on the syntax tree."""

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from .finding import Finding, Measured, counted, measured
from .source import Module, Tree

MAX_COMPLEXITY, MAX_LINES = 10, 60
Function = ast.FunctionDef | ast.AsyncFunctionDef
_BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.FunctionDef, ast.AsyncFunctionDef)


def measure(state: Mapping[str, Any]) -> dict[str, object]:
    """Report functions over 10 in complexity or 60 lines, and files that cannot be read."""
    return measured(state["task"], find)


def find(tree: Tree) -> Measured:
    """Measure every function of the tree."""
    functions = [(module, *pair) for module in tree.modules for pair in named_functions(module.tree)]
    findings = [_unread(*entry) for entry in tree.unread]
    for module, name, function in functions:
        findings += _judge(module, name, function)
    summary = f"read {counted(len(tree.modules), 'file')} with {counted(len(functions), 'function')}"
    if functions:
        module, name, hardest = max(functions, key=lambda entry: complexity(entry[2]))
        summary += f"; the most complex is {name} ({complexity(hardest)}) at {module.name}:{hardest.lineno}"
    if tree.copies:
        copied = "copy of a file" if tree.copies == 1 else "copies of files"
        summary += f"; {tree.copies} {copied} already read left out"
    return Measured(findings, f"Complexity: {summary}; {MAX_COMPLEXITY} is the line.")


def complexity(function: Function) -> int:
    """1 plus one for each branch; functions inside count with what they add, as ruff's C901 does."""
    return 1 + sum(_points(node) for node in ast.walk(function) if node is not function)


def named_functions(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    """Every function outside functions, with its dotted name."""
    waiting: list[tuple[str, ast.AST]] = [("", tree)]
    while waiting:
        prefix, parent = waiting.pop()
        for node in ast.iter_child_nodes(parent):
            if isinstance(node, Function):
                yield prefix + node.name, node
            elif isinstance(node, ast.ClassDef):
                waiting.append((f"{prefix}{node.name}.", node))
            elif not isinstance(node, ast.expr):
                waiting.append((prefix, node))


def _points(node: ast.AST) -> int:
    if isinstance(node, ast.Match):
        return len(node.cases) - _catches_all(node.cases[-1])
    if isinstance(node, ast.Try | ast.TryStar):
        return bool(node.orelse)
    return isinstance(node, _BRANCHES)


def _catches_all(case: ast.match_case) -> bool:
    return isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None and case.guard is None


def _judge(module: Module, name: str, function: Function) -> Iterator[Finding]:
    points, lines = complexity(function), (function.end_lineno or function.lineno) - function.lineno + 1
    if points > MAX_COMPLEXITY:
        yield Finding(
            "complexity",
            module.name,
            function.lineno,
            f"{name} is complex",
            f"McCabe complexity {points} over {lines} lines, {MAX_COMPLEXITY} is the line. Split it at a branch.",
            severity=round(min(0.9, 0.45 + (points - MAX_COMPLEXITY) / 30), 2),
            confidence=0.95,
            effort=0.6,
        )
    elif lines > MAX_LINES:
        yield Finding(
            "complexity",
            module.name,
            function.lineno,
            f"{name} is long",
            f"{lines} lines, {MAX_LINES} is the line; complexity {points}. Name its steps.",
            severity=round(min(0.6, 0.15 + (lines - MAX_LINES) / 300), 2),
            confidence=0.9,
            effort=0.4,
        )


def _unread(file: str, line: int, reason: str) -> Finding:
    return Finding(
        "unread",
        file,
        line,
        "was not reviewed",
        f"{reason[0].upper()}{reason[1:]}. Nothing else is said about this file.",
        severity=0.9,
        confidence=1.0,
        effort=0.2,
    )
