"""Arguments and options that more than one command takes, written once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from agentctl.errors import UsageError

MIN_RUN_ID = 6
"""Characters of a run's id that name it; as in `agentctl.store`, whose import would cost every `--help`."""


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


def complete_run(context: typer.Context, incomplete: str) -> Iterator[tuple[str, str]]:
    """Ids of the newest runs, each with its workspace, status and task."""
    from agentctl.cli.statefile import newest_runs
    from agentctl.workspace import find_root

    runs = newest_runs(find_root(context.params.get("root")))
    yield from ((run_id, about) for run_id, about in runs if run_id.startswith(incomplete))


def complete_role(context: typer.Context, incomplete: str) -> Iterator[str]:
    """Roles that have a log."""
    from agentctl.logs.logger import logs_folder
    from agentctl.workspace import find_root

    folder = logs_folder(find_root(context.params.get("root")))
    roles = {path.stem for path in folder.glob(f"{context.params.get('workspace') or '*'}/agents/*.log")}
    yield from (role for role in sorted(roles) if role.startswith(incomplete))


def _existing(root: Path | None) -> Path | None:
    if root is not None and not root.is_dir():
        raise UsageError(f"no such folder: {root}", hint="name the folder that holds `workspaces/`")
    return root


def _long_enough(run: str | None) -> str | None:
    if run is not None and len(run.strip()) < MIN_RUN_ID:
        what = f"{run!r} is too short: at least {MIN_RUN_ID} characters of a run's id are needed"
        raise UsageError(what, hint="see the ids with `agentctl runs`")
    return run


WorkspaceName = Annotated[
    str, typer.Argument(metavar="WS", help="Name of a workspace.", autocompletion=complete_workspace)
]
WorkspaceNames = Annotated[
    list[str] | None,
    typer.Argument(metavar="[WS]...", help="Names of workspaces; default: all.", autocompletion=complete_workspace),
]
RunId = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="Id of a run, or its first 6 characters or more.",
        callback=_long_enough,
        autocompletion=complete_run,
    ),
]
MaybeRunId = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN",
        help="Id of a run, or its first 6 characters or more; default: the newest run.",
        callback=_long_enough,
        autocompletion=complete_run,
    ),
]
Root = Annotated[
    Path | None,
    typer.Option(
        "--root",
        envvar="AGENTCTL_ROOT",
        callback=_existing,
        help="Project; default: the nearest parent with workspaces/.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON only.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print the answer and errors only.")]
Stream = Annotated[
    bool | None,
    typer.Option("--stream/--no-stream", help="Show agents' words as they come; default: on a terminal."),
]
