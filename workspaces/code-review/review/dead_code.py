"""Finds imports, variables and functions that nothing uses; in doubt it says nothing."""

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from .finding import Finding, Measured, counted, measured
from .names import argument_names, project_names, used_names
from .source import Module, Tree

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_DYNAMIC = {"locals", "exec", "eval", "vars"}
_BY_NAME = ("visit_", "do_", "test", "pytest_", "handle_", "on_")
"""Prefixes of functions that frameworks find by their name."""


def measure(state: Mapping[str, Any]) -> dict[str, object]:
    """Report what nothing in the project uses."""
    return measured(state["task"], find, with_project=True)


def find(tree: Tree) -> Measured:
    """Look for unused imports and variables in each file, and for definitions unused in the whole project."""
    used, from_elsewhere = project_names(tree), _imported_by_module(tree)
    findings: list[Finding] = []
    for module in tree.modules:
        found = [*_imports(module, from_elsewhere.get(module.path.stem, set())), *_variables(module)]
        if not module.is_test:
            found += _definitions(module, used)
        findings += [finding for finding in found if not module.accepts(finding.line)]
    looked = counted(len(tree.project), "file")
    return Measured(
        findings, f"Dead code: looked for uses in {looked} of the project, in strings and in its other texts, too."
    )


def _imported_by_module(tree: Tree) -> dict[str, set[str]]:
    """Last part of a module's name to the names that others import from it: those are re-exports."""
    taken: dict[str, set[str]] = {}
    for module in tree.project:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ImportFrom):
                taken.setdefault((node.module or "").rsplit(".", 1)[-1], set()).update(
                    alias.name for alias in node.names
                )
    return taken


def _imports(module: Module, re_exported: set[str]) -> Iterator[Finding]:
    if module.path.name == "__init__.py" or module.path.suffix == ".pyi":
        return
    used = used_names(module.tree) | re_exported | (argument_names(module.tree) if module.is_test else set())
    probes = {id(node) for probe in ast.walk(module.tree) if isinstance(probe, ast.Try) for node in ast.walk(probe)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import | ast.ImportFrom) and id(node) not in probes:
            for name in _unused_aliases(node, used):
                yield Finding(
                    "dead",
                    module.name,
                    node.lineno,
                    f"imports `{name}` for nothing",
                    "Nothing in this file uses it, and nobody imports it from here.",
                    severity=0.2,
                    confidence=0.9,
                    effort=0.05,
                )


def _unused_aliases(node: ast.Import | ast.ImportFrom, used: set[str]) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom) and node.module == "__future__":
        return
    for alias in node.names:
        bound = alias.asname or alias.name.split(".")[0]
        if bound not in used and bound != "*" and not bound.startswith("_") and alias.asname != alias.name:
            yield bound


def _variables(module: Module) -> Iterator[Finding]:
    inner: set[int] = set()
    for function in ast.walk(module.tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or id(function) in inner:
            continue
        inner |= {id(node) for node in ast.walk(function) if node is not function}
        used = used_names(function)
        shared = {
            name for node in ast.walk(function) if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names
        }
        if used & _DYNAMIC:
            continue
        for name, line in _assigned(function):
            if name not in used and name not in shared and not name.startswith("_"):
                yield Finding(
                    "dead",
                    module.name,
                    line,
                    f"never reads `{name}`",
                    f"`{function.name}` assigns it, and nothing in it reads it.",
                    severity=0.3,
                    confidence=0.85,
                    effort=0.05,
                )


def _assigned(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, int]]:
    """Plain local assignments; unpacking and class bodies are left alone, they name things for others."""
    classes = {id(node) for found in ast.walk(function) if isinstance(found, ast.ClassDef) for node in ast.walk(found)}
    for node in ast.walk(function):
        if id(node) in classes:
            continue
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.lineno
        elif isinstance(node, ast.AnnAssign) and node.value is not None and isinstance(node.target, ast.Name):
            yield node.target.id, node.lineno


def _definitions(module: Module, used: set[str]) -> Iterator[Finding]:
    for name, node in _candidates(module.tree):
        if node.name in used or node.name.startswith(("__", *_BY_NAME)) or node.decorator_list:
            continue
        private = node.name.startswith("_")
        noun = "class" if isinstance(node, ast.ClassDef) else "function"
        yield Finding(
            "dead",
            module.name,
            node.lineno,
            f"{noun} `{name}` has no user",
            "Nothing in the project names it"
            + ("." if private else ", tests and docs included; it may still be an interface for others."),
            severity=0.45 if private else 0.35,
            confidence=0.9 if private else 0.5,
            effort=0.1,
        )


def _candidates(tree: ast.Module) -> Iterator[tuple[str, Definition]]:
    """Module-level definitions, and methods of classes without a base, which so override nothing."""
    for node in tree.body:
        if isinstance(node, Definition):
            yield node.name, node
        if isinstance(node, ast.ClassDef) and not node.bases:
            for method in node.body:
                if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{node.name}.{method.name}", method
