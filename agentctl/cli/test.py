"""`agentctl test`: run a workspace's own tests."""

from typing import Annotated, Literal

import typer

from agentctl.cli.options import Root, WorkspaceName

Names = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="Of tests, `tests/<name>.yaml`; default: all.")
]
Format = Annotated[
    Literal["text", "json", "junit"], typer.Option(help="`text` for people; the others print one document to stdout.")
]


def test(workspace: WorkspaceName, names: Names = None, format: Format = "text", root: Root = None) -> None:
    """Run the tests of a workspace, offline.

    Scripted replies or a recording stand in for models, and stubs for tools. Runs the code of the workspace.
    """
    from agentctl.cli.drive import drive
    from agentctl.cli.output import answer
    from agentctl.cli.project import workspace_name
    from agentctl.cli.trial import INVALID, render, tried
    from agentctl.errors import RunError, WorkspaceError
    from agentctl.workspace import find_root

    project = find_root(root)
    name = workspace_name(project, workspace)
    verdicts = drive(tried(project, name, names or ()))
    answer(render(name, verdicts, format))
    faults = [fault.what for verdict in verdicts for fault in verdict.faults]
    if faults:
        raise typer.Exit(WorkspaceError.exit_code if INVALID in faults else RunError.exit_code)
