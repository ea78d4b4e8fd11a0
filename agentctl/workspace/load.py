"""From a folder on disk to a checked workspace. Runs none of its code."""

import os
from pathlib import Path
from types import MappingProxyType

from agentctl.errors import Problem, WorkspaceInvalid
from agentctl.workspace.artifacts import hash_artifacts, read_artifacts
from agentctl.workspace.checks import run_checks
from agentctl.workspace.checks.name import check_workspace_name
from agentctl.workspace.diagnostics import Diagnostics, Place
from agentctl.workspace.discovery import FOLDER, MANIFEST, find_workspace
from agentctl.workspace.draft import Trials, may_be_trial, read_draft
from agentctl.workspace.workspace import Workspace


def load_workspace(root: Path, name: str) -> Workspace:
    """Load and check the workspace `name` of the project at `root`.

    Raises:
        WorkspaceNotFound: no folder of that name has a `workspace.yaml`.
        WorkspaceInvalid: with every problem of every file, warnings not among them.
    """
    workspace, problems = check_workspace(root, name)
    if workspace is None:
        raise WorkspaceInvalid(name, [problem for problem in problems if problem.severity == "error"])
    return workspace


def check_workspace(root: Path, name: str) -> tuple[Workspace | None, list[Problem]]:
    """The workspace, if it can be used, and all problems in file order, warnings and those of its tests too.

    Raises:
        WorkspaceNotFound: no folder of that name has a `workspace.yaml`.
    """
    return read_workspace(root, name, find_workspace(root, name))


def check_folders(root: Path) -> dict[str, list[Problem]]:
    """A warning for each folder under `workspaces/` that is no workspace, by its name."""
    found = {}
    for folder in sorted((root / FOLDER).iterdir() if (root / FOLDER).is_dir() else ()):
        if folder.name[0] in "._" or not folder.is_dir() or os.path.lexists(folder / MANIFEST):
            continue
        report, near = Diagnostics(FOLDER), folder / "workspace.yml"
        at, hint = Place(folder.name), f"add a {MANIFEST}, or move the folder away"
        if near.exists():
            at, hint = Place(f"{folder.name}/{near.name}"), f"rename it to {MANIFEST}"
        report.add("E712", at, f"{folder.name} is no workspace: it has no {MANIFEST}", hint, severity="warning")
        found[folder.name] = report.problems
    return found


def read_workspace(
    root: Path, name: str, folder: Path, *, stored: bool = False
) -> tuple[Workspace | None, list[Problem]]:
    """Check the workspace whose files lie in `folder`, which is a stored generation if `stored`."""
    report = Diagnostics(folder.relative_to(root).as_posix())
    artifacts = read_artifacts(folder, report, stored=stored)
    draft = read_draft(artifacts, report)
    check_workspace_name(name, draft)
    run_checks(draft)
    problems, files, trials = report.problems, artifacts.files, Trials()
    if not stored and any(map(may_be_trial, files)):
        from agentctl.workspace.trials import read_trials  # few have tests, and their spec takes time

        trials = read_trials(draft)
        files = {path: content for path, content in files.items() if path not in trials.files}
    if draft.spec is None or report.has_errors:
        return None, sorted([*problems, *trials.problems])
    workspace = Workspace(
        name=name,
        root=root,
        folder=folder,
        spec=draft.spec,
        files=MappingProxyType(files),
        generation=hash_artifacts(files),
        warnings=tuple(problems),
        parts=MappingProxyType(draft.parts),
        trials=MappingProxyType(trials.specs),
    )
    return workspace, sorted([*problems, *trials.problems])
