"""The project and the workspace that a command line names."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from agentctl.errors import WorkspaceNotFound
from agentctl.workspace.discovery import FOLDER, MANIFEST, find_root

if TYPE_CHECKING:
    from agentctl.store import Store


def project_store(root: Path | None) -> "Store":
    """The state of the project, wherever its settings say that it is."""
    from agentctl.settings import Settings
    from agentctl.store import Store

    project = find_root(root)
    return Store(project, url=Settings.load(project).database_url)


def workspace_name(root: Path, word: str) -> str:
    """The name of the workspace that `word` names or leads to: tab completion gives `workspaces/min/`.

    Raises:
        WorkspaceNotFound: `word` is a path, and not that of a workspace of the project.
    """
    if "/" not in word and word not in (".", ".."):
        return word
    path = Path(os.path.abspath(word))  # noqa: PTH100 - a workspace may be a link to elsewhere
    folder = path.parent if path.name == MANIFEST else path
    if folder.parent.resolve() == (root / FOLDER).resolve():
        return folder.name
    raise WorkspaceNotFound(word, [], hint="give its name; see what exists with `agentctl list`")
