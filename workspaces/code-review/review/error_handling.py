"""Finds handlers that hide errors, and raises that lose them."""

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from .finding import Finding, Measured, counted, measured
from .source import Module, Tree

BROAD = {"Exception", "BaseException"}


def measure(state: Mapping[str, Any]) -> dict[str, object]:
    """Report bare, broad and silent handlers, raises without a cause, and returns in `finally`."""
    return measured(state["task"], find)


def find(tree: Tree) -> Measured:
    """Look at every handler and raise of the tree; a line marked `noqa` is accepted."""
    findings, handlers, accepted = [], 0, 0
    for module in tree.modules:
        handlers += sum(isinstance(node, ast.ExceptHandler) for node in ast.walk(module.tree))
        for finding in _in_module(module):
            if module.accepts(finding.line):
                accepted += 1
            else:
                findings.append(finding)
    note = f"; {accepted} marked `noqa` by the authors" if accepted else ""
    return Measured(findings, f"Error handling: looked at {counted(handlers, 'handler')}{note}.")


def _in_module(module: Module) -> Iterator[Finding]:
    shared = _shared_exceptions(module.tree)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler):
            yield from _handler(module, node)
        elif isinstance(node, ast.Try | ast.TryStar):
            yield from _final(module, node)
        elif isinstance(node, ast.Raise):
            yield from _raise(module, node, shared)


def _handler(module: Module, handler: ast.ExceptHandler) -> Iterator[Finding]:
    caught = _caught(handler)
    broad = not caught or bool(BROAD & caught)
    silent = all(isinstance(node, ast.Pass) or _is_ellipsis(node) for node in handler.body)
    if any(isinstance(node, ast.Raise) for node in ast.walk(handler)):
        yield from _causes(module, handler)
    elif broad and silent:
        yield _found(
            module,
            handler,
            "swallows every error",
            "A broad handler that does nothing: a typo inside would go unnoticed.",
            0.85,
            0.95,
        )
    elif not caught:
        yield _found(
            module,
            handler,
            "bare `except:`",
            "It also catches KeyboardInterrupt and SystemExit. Name what you expect.",
            0.75,
            0.95,
        )
    elif broad:
        yield _found(
            module,
            handler,
            f"catches {' and '.join(sorted(BROAD & caught))}",
            "Bugs are caught with what is expected. Name the exceptions, or log and re-raise.",
            0.5,
            0.8,
        )
    elif silent and not _explained(module, handler):
        yield _found(
            module,
            handler,
            f"passes over {', '.join(sorted(caught))}",
            "Say it on purpose: `contextlib.suppress`, or a comment with the reason.",
            0.35,
            0.7,
        )


def _caught(handler: ast.ExceptHandler) -> set[str]:
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type] if handler.type else []
    return {ast.unparse(type_).removeprefix("builtins.") for type_ in types}


def _causes(module: Module, handler: ast.ExceptHandler) -> Iterator[Finding]:
    """Raises of another error that do not say whether the first one belongs to it."""
    for node in _own_nodes(handler):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.cause is None:
            yield _found(
                module,
                node,
                "raises without `from`",
                "Inside a handler: `from error` keeps the cause, `from None` says that it does not matter.",
                0.25,
                0.9,
            )


def _final(module: Module, node: ast.Try | ast.TryStar) -> Iterator[Finding]:
    for statement in node.finalbody:
        if isinstance(statement, ast.Return | ast.Break | ast.Continue):
            word = type(statement).__name__.lower()
            yield _found(
                module, statement, f"`{word}` in `finally`", "It silently drops an error that is on its way.", 0.8, 0.95
            )


def _raise(module: Module, node: ast.Raise, shared: set[str]) -> Iterator[Finding]:
    if isinstance(node.exc, ast.Name) and node.exc.id == "NotImplemented":
        yield _found(
            module,
            node,
            "raises `NotImplemented`",
            "That is a value, so it raises TypeError; `NotImplementedError` is meant.",
            0.8,
            1.0,
        )
    elif isinstance(node.exc, ast.Name) and node.exc.id in shared:
        yield _found(
            module,
            node,
            f"raises the shared instance `{node.exc.id}`",
            "One exception object for all: tracebacks pile up on it. Raise a new one.",
            0.4,
            0.8,
        )
    elif isinstance(node.exc, ast.Constant):
        yield _found(
            module, node, "raises a constant", "Only exceptions can be raised; this is a TypeError.", 0.85, 1.0
        )


def _own_nodes(handler: ast.ExceptHandler) -> Iterator[ast.AST]:
    """Nodes of the handler, without handlers and functions inside it, which are looked at by themselves."""
    waiting: list[ast.AST] = list(handler.body)
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, ast.ExceptHandler | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def _shared_exceptions(tree: ast.Module) -> set[str]:
    """Module-level names bound to a made exception, by the naming of its class."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            made = ast.unparse(node.value.func).rsplit(".", 1)[-1]
            if made.endswith(("Error", "Exception", "Warning")):
                names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def _explained(module: Module, handler: ast.ExceptHandler) -> bool:
    """Whether a comment in the handler says why."""
    return any("#" in line for line in module.lines[handler.lineno - 1 : handler.end_lineno])


def _is_ellipsis(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is ...


def _found(
    module: Module, node: ast.stmt | ast.ExceptHandler, title: str, text: str, severity: float, confidence: float
) -> Finding:
    return Finding("errors", module.name, node.lineno, title, text, severity, confidence, effort=0.2)
