"""`module:name` entries: looked up in the syntax tree, never imported."""

import ast
import re
import threading
import warnings
from collections.abc import Iterable, Iterator

from agentctl.workspace.artifacts import decode
from agentctl.workspace.diagnostics import Place, shown
from agentctl.workspace.document import Part
from agentctl.workspace.draft import Draft

_ENTRY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_PARTS = (ast.stmt, ast.ExceptHandler, ast.match_case, ast.withitem)
# `catch_warnings` changes the process: two threads within it would leave the filters changed.
_QUIET = threading.Lock()


def check_entries(draft: Draft) -> None:
    """The entry of every python agent."""
    for role, spec in draft.agents.items():
        if spec.kind == "python" and spec.entry is not None:
            check_entry(draft, draft.parts[role] / "entry", spec.entry)
            _check_signature(draft, spec.entry)


def check_entry(draft: Draft, part: Part, entry: str, offset: int = 0) -> None:
    """An entry's form, its file and its name; `offset` is where it begins in the scalar."""
    at = part.within(offset)
    if not _ENTRY.fullmatch(entry):
        draft.report.add("E601", at, f"{part.name}: {shown(entry)} is not of the form module:name")
        return
    module, _, name = entry.partition(":")
    path = find_module(module, draft.artifacts.files)
    if path is None:
        modules = [file[:-3].replace("/", ".") for file in draft.artifacts.files if file.endswith(".py")]
        near = draft.report.suggest(module, modules)
        wanted = module.replace(".", "/") + ".py"
        draft.report.add("E602", at, f"{part.name}: there is no file {wanted!r} in the workspace{near}")
        return
    tree = read_python(draft, path)
    if tree is None:
        return
    defined = set(defined_names(tree.body))
    if name not in defined and not defined & {"*", "__getattr__"}:
        near = draft.report.suggest(name, sorted(defined))
        at = part.within(offset + len(module) + 1)
        draft.report.add("E603", at, f"{part.name}: {path} does not define {name!r}{near}")


def _check_signature(draft: Draft, entry: str) -> None:
    """That a plain function can be called with the state and a context; decorators may change what one takes."""
    module, _, name = entry.partition(":")
    path = find_module(module, draft.artifacts.files)
    tree = draft.trees.get(path) if path else None
    last = last_definition(tree, name) if tree else None
    if path and isinstance(last, ast.FunctionDef | ast.AsyncFunctionDef) and not last.decorator_list:
        positional = [*last.args.posonlyargs, *last.args.args]
        required = len(positional) - len(last.args.defaults)
        if required > 2 or not (positional or last.args.vararg):
            message = f"{name}() takes {required} parameters; it is given the state and, if it takes two, a context"
            draft.report.add("E605", Place(path, last.lineno, last.col_offset + 1), message)


def last_definition(tree: ast.Module, name: str) -> ast.stmt | None:
    """The statement of a module that defines `name` last, itself or within it."""
    return next((one for one in reversed(tree.body) if name in defined_names([one])), None)


def find_module(module: str, files: Iterable[str]) -> str | None:
    """The artifact that holds a dotted module."""
    stem = module.replace(".", "/")
    return next((path for path in (f"{stem}.py", f"{stem}/__init__.py") if path in files), None)


def read_python(draft: Draft, path: str) -> ast.Module | None:
    """The syntax tree of an artifact; `None`, and a problem, if it does not parse."""
    if path not in draft.trees:
        draft.trees[path] = _parse(draft, path)
    return draft.trees[path]


def _parse(draft: Draft, path: str) -> ast.Module | None:
    text = decode(path, draft.artifacts.files[path], draft.report)
    if text is None:
        return None
    try:
        with _QUIET, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text, path)
    except SyntaxError as error:
        at = Place(path, error.lineno or 1, max(error.offset or 1, 1))
        draft.report.add("E604", at, f"{path}: {error.msg}")
    except (ValueError, RecursionError, MemoryError) as error:
        draft.report.add("E604", Place(path), f"{path}: {str(error) or 'is nested too deeply'}")
    return None


def defined_names(body: Iterable[ast.AST]) -> Iterator[str]:
    """What a module defines at its top level, within `if`, `try` and `with` too; `*` for a star import."""
    todo = list(body)
    while todo:  # and not by recursion: a long `elif` is nested as deep
        statement = todo.pop()
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from (alias.asname or alias.name.partition(".")[0] for alias in names)
            case ast.Assign(targets=targets):
                yield from _assigned(targets)
            case ast.AnnAssign(target=target, value=ast.expr()) | ast.AugAssign(target=target):
                yield from _assigned([target])
            case ast.withitem(optional_vars=ast.expr() as target):
                yield from _assigned([target])
            case _:
                if isinstance(statement, ast.For):
                    yield from _assigned([statement.target])
                todo += [part for part in ast.iter_child_nodes(statement) if isinstance(part, _PARTS)]


def _assigned(targets: Iterable[ast.expr]) -> Iterator[str]:
    for target in targets:
        yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))
