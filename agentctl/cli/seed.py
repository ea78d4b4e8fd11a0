"""What a new workspace grows from: a small example, one of the project, or a ready-made one."""

import os
import shutil
import tempfile
from difflib import get_close_matches
from pathlib import Path

import agentctl
from agentctl.errors import UsageError, WorkspaceError, WorkspaceNotFound
from agentctl.workspace.discovery import FOLDER, MANIFEST, NAME, list_workspaces

TASKS = {
    "trip-planner": "Five days of food and art in October for 1200 euros",
    "debate": "Should a team of five rewrite its billing service?",
    "code-review": "path/to/package",
}
"""A task that shows what a ready-made workspace does."""
_NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.pyc", "*.tmp", "*.swp", "*~", ".DS_Store", ".git")
_MAX_NAME = 64


def shipped() -> Path:
    """Where the ready-made workspaces lie: in the package, or beside it in a checkout."""
    package = Path(agentctl.__file__).parent
    installed = package / "_workspaces"
    return installed if installed.is_dir() else package.parent / FOLDER


def ready_made(name: str) -> str | None:
    """The shipped workspace of that name, or of nearly that name."""
    names = [path.parent.name for path in shipped().glob(f"*/{MANIFEST}")]
    return next(iter(get_close_matches(name, names, n=1)), None)


def sources(root: Path) -> dict[str, Path]:
    """Every workspace that can be copied; the project's own come first."""
    ready_made = shipped()
    # `list_workspaces` takes a project, and ready-made ones need not lie in one.
    names = sorted(path.parent.name for path in ready_made.glob(f"*/{MANIFEST}"))
    return {**{name: ready_made / name for name in names}, **{n: root / FOLDER / n for n in list_workspaces(root)}}


def plant(root: Path, name: str, source: str | None) -> tuple[Path, int]:
    """Create workspace `name`, whole or not at all; returns its folder and how many files it has.

    Raises:
        UsageError: `name` is no name for a workspace, or is taken.
        WorkspaceNotFound: there is no `source`.
        WorkspaceError: the disk is full or read-only.
    """
    _check_name(name)
    folder = root / FOLDER / name
    if os.path.lexists(folder):
        raise UsageError(f"{folder} exists already", hint="choose another name, or remove it first")
    origin = _origin(root, source)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=folder.parent) as scratch:
            fresh = Path(scratch) / name
            shutil.copytree(origin, fresh, ignore=_NOT_COPIED, symlinks=True, copy_function=_copy)
            # A read-only installation has read-only folders, and their modes came along.
            for path, _, _ in os.walk(fresh):
                Path(path).chmod(0o755)
            fresh.rename(folder)
    except OSError as error:
        raise WorkspaceError(f"{folder} cannot be created: {error.strerror or error}", hint=_ROOM) from error
    return folder, sum(len(names) for _, _, names in os.walk(folder))


_ROOM = "free some space, make the folder writable, or choose another project with `--root`"


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name) or len(name) > _MAX_NAME:
        raise UsageError(
            f"{name!r} is no name for a workspace",
            hint="take lower-case letters, digits, `-` and `_`, a letter first, 64 characters at most",
        )
    if name == "user":
        raise UsageError("a workspace may not be named 'user'", hint="choose another name")


def _origin(root: Path, source: str | None) -> Path:
    if source is None:
        return Path(__file__).with_name("starter")
    known = sources(root)
    if source not in known:
        raise WorkspaceNotFound(source, list(known), hint=f"there are {', '.join(known) or 'none'}")
    return known[source]


def _copy(source: str, target: str) -> str:
    """Copy a file with its executable bits, writable whatever the original is."""
    shutil.copyfile(source, target)
    Path(target).chmod(0o644 | Path(source).stat().st_mode & 0o111)
    return target
