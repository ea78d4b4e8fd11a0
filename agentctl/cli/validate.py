"""`agentctl validate`: check workspaces like a compiler."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import typer

from agentctl.cli.options import Root, WorkspaceNames
from agentctl.errors import Problem, WorkspaceError

Format = Annotated[
    Literal["text", "json", "sarif", "junit"],
    typer.Option(help="`text` for people; the others print one document to stdout."),
]


def validate(workspaces: WorkspaceNames = None, format: Format = "text", root: Root = None) -> None:
    """Check workspaces and say all that is wrong, with its line.

    Runs no code of theirs.
    """
    from agentctl.cli.output import answer
    from agentctl.cli.project import workspace_name
    from agentctl.workspace import check_folders, check_workspace, find_root, list_workspaces, render

    project = find_root(root)
    names = [workspace_name(project, word) for word in workspaces or list_workspaces(project)]
    found = {name: check_workspace(project, name)[1] for name in names}
    if not workspaces:
        found |= check_folders(project)
    if not found:
        raise WorkspaceError(f"no workspaces in {project}", hint="create one with `agentctl new NAME`")
    if format == "text":
        _print(found)
    else:
        answer(render(found, format))
    if any(problem.severity == "error" for problems in found.values() for problem in problems):
        raise typer.Exit(WorkspaceError.exit_code)


def _print(found: Mapping[str, Sequence[Problem]]) -> None:
    """Problems to stderr as every error, a line for each workspace to stdout."""
    from agentctl.cli.output import answer, tell
    from agentctl.workspace import render

    for name, problems in found.items():
        *lines, summary = render({name: problems}).split("\n")
        if lines:
            tell("\n".join(lines))
        answer(summary)
