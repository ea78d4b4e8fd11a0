"""The Python files under the path that a task names, read and parsed, never run."""

import ast
import os
import re
import threading
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from itertools import islice
from pathlib import Path

from .files import MAX_FILES, NothingToReview, find_target, project_root, python_files, walk, why_empty

TEXTS = {".toml", ".yaml", ".yml", ".cfg", ".ini", ".html", ".j2", ".sh"}
PROSE = {".md", ".rst", ".txt"}
_CODE_IN_PROSE = re.compile(r"(?<=[.:`])\w+|\w+(?=[(`])")
MAX_BYTES = 1 << 20
_parsing = threading.Lock()


@dataclass(frozen=True)
class Module:
    """One parsed file; `name` is the path as the report shows it."""

    path: Path
    name: str
    tree: ast.Module
    text: str
    is_test: bool

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    def accepts(self, line: int) -> bool:
        """Whether the author marked that line as meant (`# noqa`)."""
        return 0 < line <= len(self.lines) and "noqa" in self.lines[line - 1]


@dataclass(frozen=True)
class Tree:
    """What was read: `modules` under review, `others` of the same project, `unread` files with the reason."""

    target: Path
    modules: list[Module]
    unread: list[tuple[str, int, str]]
    others: list[Module] = field(default_factory=list)
    texts: str = ""
    """Other text of the project (YAML, TOML, Markdown, …), where names of entry points stand."""

    copies: int = 0
    """Files under review that are the same as one already read, and were left out."""

    @property
    def project(self) -> list[Module]:
        return [*self.modules, *self.others]


def read_tree(task: str, *, with_project: bool = False) -> Tree:
    """Read every Python file at the path that `task` names.

    Args:
        with_project: also read the rest of the project, to know who uses what.

    Raises:
        NothingToReview: the path does not exist, cannot be read, or holds no Python.
    """
    target = find_target(task)
    parsed, unread = _parsed(python_files(target), target)
    modules = _without_copies(parsed)
    copies = len(parsed) - len(modules)
    if len(parsed) + len(unread) >= MAX_FILES:
        unread.append((_shown(target, target), 1, f"only its first {MAX_FILES:,} files were read"))
    if not modules and not unread:
        raise NothingToReview(why_empty(target))
    if not with_project:
        return Tree(target, modules, unread, copies=copies)
    root = project_root(target)
    mine = {module.path for module in parsed}
    around, _ = _parsed((path for path in python_files(root) if path not in mine), target)
    others = _without_copies([*modules, *around])[len(modules) :]
    texts = "\n".join(_text(path) for path in islice(walk(root), 10 * MAX_FILES) if path.suffix in TEXTS | PROSE)
    return Tree(target, modules, unread, others, texts, copies)


def _without_copies(modules: Iterable[Module]) -> list[Module]:
    """The first of each file: a copied folder would have every finding twice. Empty files are no copies."""
    first: dict[object, Module] = {}
    for module in modules:
        first.setdefault((module.path.name, module.text) if module.text.strip() else module.path, module)
    return list(first.values())


def _is_test(path: Path, root: Path) -> bool:
    """By its name, or by a folder `tests` inside the project; where the project itself lies does not count."""
    folders = path.relative_to(root).parts[:-1] if path.is_relative_to(root) else ()
    return path.stem.startswith("test_") or path.stem.endswith("_test") or path.stem == "conftest" or "tests" in folders


def _parsed(paths: Iterator[Path], target: Path) -> tuple[list[Module], list[tuple[str, int, str]]]:
    modules, unread, root = [], [], project_root(target)
    for path in paths:
        name = _shown(path, target)
        try:
            if path.stat().st_size > MAX_BYTES:
                unread.append((name, 1, "it is over 1 MiB"))
                continue
            text = _decoded(path.read_bytes())
            modules.append(Module(path, name, _ast(text), text, _is_test(path, root)))
        except SyntaxError as error:
            unread.append((name, error.lineno or 1, f"it does not parse: {error.msg}"))
        except (OSError, ValueError, RecursionError, MemoryError) as error:
            unread.append((name, 1, f"it cannot be read: {error}"))
    return modules, unread


def _ast(text: str) -> ast.Module:
    """Parse without printing the file's own warnings; filters are global, so one at a time."""
    with _parsing, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def _decoded(content: bytes) -> str:
    encoding, _ = tokenize.detect_encoding(BytesIO(content).readline)
    return content.decode(encoding)


def _text(path: Path) -> str:
    """The text of a file; of prose only what looks like a name in code, as any word may be a function's name."""
    try:
        text = path.read_text(encoding="utf-8") if path.stat().st_size <= MAX_BYTES else ""
    except (OSError, ValueError):
        return ""
    return " ".join(_CODE_IN_PROSE.findall(text)) if path.suffix in PROSE else text


def _shown(path: Path, target: Path) -> str:
    """As the caller would type it: relative to where the command was called, if it lies there."""
    called_from = Path(os.environ.get("AGENTCTL_CWD") or Path.cwd()).resolve()
    for above in (called_from, target if target.is_dir() else target.parent):
        if path.is_relative_to(above):
            return path.relative_to(above).as_posix()
    return str(path)
