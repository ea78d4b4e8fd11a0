"""Finds public functions that no test names."""

import ast
from collections.abc import Mapping
from typing import Any

from .complexity import Function, complexity
from .finding import Finding, Measured, counted, measured
from .names import imported_names, used_names
from .source import Module, Tree

SHOWN = 6


def measure(state: Mapping[str, Any]) -> dict[str, object]:
    """Report, file by file, public functions that no test of the project names."""
    return measured(state["task"], find, with_project=True)


def find(tree: Tree) -> Measured:
    """Compare public names with the words of the tests."""
    tests = [module for module in tree.project if module.is_test]
    sources = [module for module in tree.modules if not module.is_test]
    named = {name for module in tests for name in used_names(module.tree) | imported_names(module.tree)}
    public = {module.name: public_functions(module) for module in sources}
    total = sum(len(functions) for functions in public.values())
    if not tests and total:
        return Measured(
            [_no_tests(sources[0])], f"Test gaps: no test file in the project for {counted(total, 'public function')}."
        )
    gaps = [
        (module, [pair for pair in public[module.name] if pair[0].rsplit(".", 1)[-1] not in named])
        for module in sources
    ]
    findings = [_gap(module, missing, len(public[module.name])) for module, missing in gaps if missing]
    unnamed = sum(len(missing) for _, missing in gaps)
    summary = (
        f"{total - unnamed:,} of {counted(total, 'public function')} are named in {counted(len(tests), 'test file')}"
    )
    return Measured(
        findings, f"Test gaps: {summary}. A function that is not named may still be run by a test of its caller."
    )


def public_functions(module: Module) -> list[tuple[str, Function]]:
    """Public functions, and public methods of public classes, with their dotted names."""
    found: list[tuple[str, Function]] = []
    for node in module.tree.body:
        if isinstance(node, Function):
            found.append((node.name, node))
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_") and not _is_interface(node):
            found += [(f"{node.name}.{method.name}", method) for method in node.body if isinstance(method, Function)]
    return [(name, node) for name, node in found if not node.name.startswith("_")]


def _is_interface(node: ast.ClassDef) -> bool:
    """A Protocol holds no code to test."""
    return any("Protocol" in ast.unparse(base) for base in node.bases)


def _gap(module: Module, missing: list[tuple[str, Function]], total: int) -> Finding:
    hardest = max(complexity(function) for _, function in missing)
    names = ", ".join(f"`{name}`" for name, _ in missing[:SHOWN]) + (
        f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
    )
    return Finding(
        "tests",
        module.name,
        missing[0][1].lineno,
        f"no test names {len(missing)} of its {counted(total, 'public function')}",
        f"{names}. The most complex of them has complexity {hardest}.",
        severity=round(min(0.3, 0.05 + 0.015 * hardest + 0.05 * len(missing) / total), 2),
        confidence=0.4,
        effort=0.4,
    )


def _no_tests(module: Module) -> Finding:
    return Finding(
        "tests",
        module.name,
        1,
        "the project has no tests",
        "No file is called test_*.py or lies in a folder `tests`.",
        severity=0.5,
        confidence=0.8,
        effort=0.8,
    )
