"""Finds the project and its workspaces; reads no file of them."""

import os
import re
from pathlib import Path

from agentctl.errors import WorkspaceNotFound

FOLDER = "workspaces"
MANIFEST = "workspace.yaml"
NAME = re.compile(r"[a-z][a-z0-9_-]*")


def find_root(start: Path | None = None) -> Path:
    """The nearest folder, from `start` (default: here) upwards, that has `workspaces/`; else `start`."""
    here = Path(start or ".").resolve()
    return next((folder for folder in (here, *here.parents) if (folder / FOLDER).is_dir()), here)


def list_workspaces(root: Path) -> list[str]:
    """Names of the folders under `workspaces/` that have a `workspace.yaml`, valid or not, sorted."""
    folder = root / FOLDER
    try:
        names = [path.name for path in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(name for name in names if name[0] != "." and os.path.lexists(f"{folder}/{name}/{MANIFEST}"))


def find_workspace(root: Path, name: str) -> Path:
    """The folder of workspace `name`.

    Raises:
        WorkspaceNotFound: no folder of that name has a `workspace.yaml`.
    """
    folder = root / FOLDER / name
    is_folder = name not in ("", "..") and "/" not in name and "\0" not in name and name[0] != "."
    if is_folder and os.path.lexists(folder / MANIFEST):
        return folder
    hint = ""
    if is_folder and (folder / "workspace.yml").exists():
        hint = f"rename {FOLDER}/{name}/workspace.yml to {MANIFEST}"
    raise WorkspaceNotFound(name, list_workspaces(root), hint=hint)
