"""Finds the files that a task names, and the project around them."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from agentctl.errors import RunError

SKIPPED = {"__pycache__", "node_modules", "build", "dist", "site-packages", "venv", "env"}
ROOT_MARKS = ("pyproject.toml", "setup.py", "setup.cfg", ".git")
MAX_FILES = 5000


class NothingToReview(RunError):
    """The task names nothing that can be read; the run ends as failed."""

    code = "nothing-to-review"

    def __init__(self, reason: str) -> None:
        hint = "name a Python file or a folder with some, relative to where you call the command"
        super().__init__(f"there is nothing to review: {reason}", hint=hint)


def find_target(task: str) -> Path:
    """The file or folder that a task names, relative to where the command was called.

    Raises:
        NothingToReview: no word of the task is a path that exists.
    """
    called_from = Path(os.environ.get("AGENTCTL_CWD") or Path.cwd())
    whole = task.strip().strip("`'\"")
    words = [whole, *(word.strip("`'\",;:()") for word in whole.split()[:50])]
    for word in words:
        try:
            path = (called_from / Path(word).expanduser()).resolve() if word and "\0" not in word else None
            if path is not None and path.exists():
                return path
        except (OSError, RuntimeError, ValueError):
            continue  # too long for a path, or a home that nobody has
    raise NothingToReview(f"no file or folder {whole[:200]!r} exists in {called_from}")


def why_empty(target: Path) -> str:
    if target.is_dir() and not os.access(target, os.R_OK | os.X_OK):
        return f"{target} cannot be read, for lack of permission"
    if target.is_file():
        return f"{target} is not a Python file"
    return f"{target} holds no Python file"


def python_files(target: Path) -> Iterator[Path]:
    if target.is_file():
        if target.suffix in (".py", ".pyi"):
            yield target
        return
    found = (path for path in walk(target) if path.suffix == ".py")
    yield from islice(found, MAX_FILES)


def walk(root: Path) -> Iterator[Path]:
    """Regular files, sorted; no hidden folders, environments, build output or links to folders."""
    for folder, below, files in os.walk(root):
        below[:] = sorted(
            name
            for name in below
            if name not in SKIPPED and not name.startswith(".") and not name.endswith(".egg-info")
        )
        below[:] = [name for name in below if not (Path(folder) / name / "pyvenv.cfg").exists()]
        for name in sorted(files):
            path = Path(folder) / name
            if path.is_file():
                yield path


def project_root(target: Path) -> Path:
    """The nearest folder above that is a project, else the target's own."""
    folder = target if target.is_dir() else target.parent
    for above in (folder, *folder.parents):
        if any((above / mark).exists() for mark in ROOT_MARKS) and above != Path.home():
            return above
    return folder
