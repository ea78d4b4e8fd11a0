"""Which names a module uses, as far as reading it can tell; in doubt a name counts as used."""

import ast
import re
from collections.abc import Iterator

from .source import Tree

WORD = re.compile(r"[^\W\d]\w*")


def used_names(tree: ast.AST) -> set[str]:
    """Names that are read, attributes, and words in strings (`__all__`, quoted types, `getattr`), docstrings apart."""
    used: set[str] = set()
    docstrings = set(_docstrings(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
            used.add(node.id)
        elif isinstance(node, ast.Attribute):
            used.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            used.update(WORD.findall(node.value))
    return used


def imported_names(tree: ast.AST) -> set[str]:
    """Names that are taken from other modules by `from … import name`."""
    return {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}


def argument_names(tree: ast.AST) -> set[str]:
    """Names of parameters; pytest finds fixtures by them."""
    return {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}


def project_names(tree: Tree) -> set[str]:
    """Every name that anything in the project uses, its other texts included."""
    used = set(WORD.findall(tree.texts))
    for module in tree.project:
        used |= used_names(module.tree) | imported_names(module.tree)
        if module.is_test:
            used |= argument_names(module.tree)
    return used


def _docstrings(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield id(node.value)
