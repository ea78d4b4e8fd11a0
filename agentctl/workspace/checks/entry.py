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
            found = check_entry(draft, draft.parts[role] / "entry", spec.entry)
            if found is not None:
                _check_signature(draft, *found, spec.entry.partition(":")[2])


def check_entry(draft: Draft, part: Part, entry: str, offset: int = 0) -> tuple[str, ast.Module] | None:
    """An entry's form, its file and its name; `offset` is where it begins in the scalar. Gives the file."""
    at = part.within(offset)
    if not _ENTRY.fullmatch(entry):
        draft.report.add("E601", at, f"{part.name}: {shown(entry)} is not of the form module:name")
        return None
    module, _, name = entry.partition(":")
    stem, files = module.replace(".", "/"), draft.artifacts.files
    path = next((path for path in (f"{stem}.py", f"{stem}/__init__.py") if path in files), None)
    if path is None:
        near = draft.report.suggest(module, [file[:-3].replace("/", ".") for file in files if file.endswith(".py")])
        draft.report.add("E602", at, f"{part.name}: there is no file {f'{stem}.py'!r} in the workspace{near}")
        return None
    tree = read_python(draft, path)
    if tree is None:
        return None
    defined = set(defined_names(tree.body))
    if name not in defined and not defined & {"*", "__getattr__"}:
        near = draft.report.suggest(name, sorted(defined))
        at = part.within(offset + len(module) + 1)
        draft.report.add("E603", at, f"{part.name}: {path} does not define {name!r}{near}")
    return path, tree


def _check_signature(draft: Draft, path: str, tree: ast.Module, name: str) -> None:
    """That a plain function can be called with the state and a context; decorators may change what one takes."""
    last = last_definition(tree, name)
    if isinstance(last, ast.FunctionDef | ast.AsyncFunctionDef) and not last.decorator_list:
        positional = [*last.args.posonlyargs, *last.args.args]
        required = len(positional) - len(last.args.defaults)
        if required > 2 or not (positional or last.args.vararg):
            message = f"{name}() takes {required} parameters; it is given the state and, if it takes two, a context"
            draft.report.add("E605", Place(path, last.lineno, last.col_offset + 1), message)


def last_definition(tree: ast.Module, name: str) -> ast.stmt | None:
    """The statement of a module that defines `name` last, itself or within it."""
    return next((one for one in reversed(tree.body) if name in defined_names([one])), None)


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


def statements(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """What a module has at its top level, within `if`, `try` and `with` too."""
    todo = list(body)
    while todo:  # and not by recursion: a long `elif` is nested as deep
        statement = todo.pop()
        yield statement
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            todo += [part for part in ast.iter_child_nodes(statement) if isinstance(part, _PARTS)]


def defined_names(body: Iterable[ast.AST]) -> Iterator[str]:
    """What a module defines at its top level; `*` for a star import."""
    for statement in statements(body):
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from (alias.asname or alias.name.partition(".")[0] for alias in names)
            case ast.Assign(targets=targets):
                yield from _assigned(targets)
            case (
                ast.AnnAssign(target=target, value=ast.expr())
                | ast.AugAssign(target=target)
                | ast.For(target=target)
                | ast.withitem(optional_vars=ast.expr() as target)
            ):
                yield from _assigned([target])


def _assigned(targets: Iterable[ast.expr]) -> Iterator[str]:
    for target in targets:
        yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))
