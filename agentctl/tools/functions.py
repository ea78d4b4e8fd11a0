"""The functions of `tools/*.py`, run from the generation's bytes."""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from agentctl.errors import WorkspaceError
from agentctl.tools.info import Hints
from agentctl.workspace import Workspace
from agentctl.workspace.checks.tool import is_tool_file
from agentctl.workspace.code import Code, said

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What every model takes as the name of a tool."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function that is a tool; `place` is the file that defines it, or what else does."""

    name: str
    call: Callable[..., Any]
    place: str
    hints: Hints


@dataclass
class Functions:
    """What the files of a workspace define, and why some of it is no tool: name or file to the reason."""

    found: list[Function] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)


def load_functions(workspace: Workspace, code: Code) -> Functions:
    """Run `tools/*.py` and take their public functions, in order of files and lines.

    A file that raises is out; the tools that its text defines are missing, for the reason that it gave.
    """
    functions = Functions()
    for path in sorted(filter(is_tool_file, workspace.files)):
        module = PurePosixPath(path).with_suffix("").as_posix().replace("/", ".")
        try:
            names: Any = code.load(f"{module}:__dict__")
        except (WorkspaceError, KeyboardInterrupt) as error:  # the latter can only be the module's own, in a thread
            reason = f"{path} cannot be imported: {said(error.__cause__ or error)}"
            functions.missing.update(dict.fromkeys(_defined(workspace.files[path]) or [path], reason))
            continue
        for name, call in _public(names):
            if NAME.fullmatch(name):
                functions.found.append(Function(name, call, path, _hints(call)))
            else:
                functions.missing[name] = f"{path}: a tool's name has up to 64 letters, digits, _ and -"
    return functions


def _public(names: Mapping[str, Any]) -> Iterator[tuple[str, Callable[..., Any]]]:
    """What a module itself defines; decorated functions count if they keep their name and module."""
    for name, value in names.items():
        is_own = getattr(value, "__module__", None) == names["__name__"] and getattr(value, "__name__", None) == name
        if is_own and callable(value) and not isinstance(value, type) and not name.startswith("_"):
            yield name, value


def _hints(call: Callable[..., Any]) -> Hints:
    return Hints(**getattr(call, "__agentctl_tool__", {}))


def _defined(source: bytes) -> list[str]:
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    functions = (node for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [function.name for function in functions if not function.name.startswith("_")]
