"""Arguments and options that more than one command takes, written once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer


def complete_workspace(context: typer.Context, incomplete: str) -> Iterator[str]:
    """Workspace names of the project, for shell completion."""
    from agentctl.workspace import find_root, list_workspaces

    names = list_workspaces(find_root(context.params.get("root")))
    yield from (name for name in names if name.startswith(incomplete))


def complete_source(context: typer.Context, incomplete: str) -> Iterator[str]:
    """Names of workspaces that `new --from` can copy, ready-made ones too."""
    from agentctl.cli.seed import sources
    from agentctl.workspace import find_root

    yield from (name for name in sources(find_root(context.params.get("root"))) if name.startswith(incomplete))


WorkspaceName = Annotated[
    str, typer.Argument(metavar="WS", help="Name of a workspace.", autocompletion=complete_workspace)
]
WorkspaceNames = Annotated[
    list[str] | None,
    typer.Argument(metavar="[WS]...", help="Names of workspaces; default: all.", autocompletion=complete_workspace),
]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, or its first 6 characters or more.")]
Root = Annotated[
    Path | None,
    typer.Option("--root", envvar="AGENTCTL_ROOT", help="Project; default: the nearest parent with workspaces/."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON only.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print the answer and errors only.")]
Stream = Annotated[
    bool | None,
    typer.Option("--stream/--no-stream", help="Show agents' words as they come; default: on a terminal."),
]
