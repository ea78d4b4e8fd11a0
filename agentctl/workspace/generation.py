"""Stored generations: the artifacts that runs started with, under `.agentctl/generations/`."""

import os
import re
import shutil
import tempfile
from pathlib import Path

from agentctl.errors import GenerationMissing, StoreUnusable
from agentctl.workspace.artifacts import hash_artifacts, read_artifacts
from agentctl.workspace.diagnostics import Diagnostics
from agentctl.workspace.load import read_workspace
from agentctl.workspace.workspace import Workspace

_ID = re.compile(r"[0-9a-f]{12}")


def generation_folder(root: Path, name: str, generation: str) -> Path:
    """Where a generation of workspace `name` is kept."""
    return root / ".agentctl" / "generations" / name / generation


def store_generation(workspace: Workspace) -> Path:
    """Keep the workspace's artifacts, and return their folder; a second time does nothing.

    It appears under its name whole or not at all, also when several processes store it
    at once. Folders are 0700 and files 0600.

    Raises:
        StoreUnusable: the disk is full or read-only; nothing is left behind.
    """
    folder = generation_folder(workspace.root, workspace.name, workspace.generation)
    if _is_intact(folder, workspace.generation):
        return folder
    try:
        _make_private(workspace.root, folder.parent)
        fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
        try:
            _write(workspace, fresh)
            _move(fresh, folder, workspace.generation)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise StoreUnusable(
            f"the workspace cannot be stored under {folder.parent}: {error.strerror}",
            hint="free some space, or make the project's folder writable",
        ) from error
    return folder


def load_generation(root: Path, name: str, generation: str) -> Workspace:
    """The workspace as it was when `generation` was stored.

    Raises:
        GenerationMissing: it is not there, was changed, or this agentctl refuses it.
    """
    folder = generation_folder(root, name, generation)
    if not _ID.fullmatch(generation) or not (folder / "workspace.yaml").is_file():
        raise GenerationMissing(generation, f"{folder} does not hold it")
    if not _is_intact(folder, generation):
        raise GenerationMissing(generation, f"files in {folder} were changed")
    workspace, problems = read_workspace(root, name, folder, stored=True)
    if workspace is None:
        first = next(problem for problem in problems if problem.severity == "error")
        raise GenerationMissing(generation, f"this version of agentctl refuses it: {first}")
    if workspace.generation != generation:
        raise GenerationMissing(generation, f"files in {folder} were changed")
    return workspace


def _is_intact(folder: Path, generation: str) -> bool:
    return hash_artifacts(read_artifacts(folder, Diagnostics(""), stored=True).files) == generation


def _make_private(root: Path, folder: Path) -> None:
    """Make `folder` and what is missing between it and `root`; `mkdir` with `parents` leaves those open to all."""
    missing = [folder]
    while missing[-1].parent != root and not missing[-1].parent.is_dir():
        missing.append(missing[-1].parent)
    for part in reversed(missing):
        part.mkdir(mode=0o700, exist_ok=True)


def _write(workspace: Workspace, folder: Path) -> None:
    for path, content in workspace.files.items():
        target = folder / path
        _make_private(folder, target.parent)
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)


def _move(fresh: Path, folder: Path, generation: str) -> None:
    """Put `fresh` in the place of what is missing or damaged."""
    try:
        fresh.rename(folder)
    except OSError:
        if _is_intact(folder, generation):
            return  # another process was first
        damaged = Path(tempfile.mkdtemp(prefix=".old-", dir=folder.parent))
        folder.rename(damaged)
        shutil.rmtree(damaged, ignore_errors=True)
        fresh.rename(folder)
