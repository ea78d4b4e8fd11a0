"""`agentctl new`: start a workspace, from a small example or from a ready-made one."""

from typing import Annotated

import typer

from agentctl.cli.options import Root, complete_source


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the new workspace.")],
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="WS", help="Copy this workspace.", autocompletion=complete_source),
    ] = None,
    root: Root = None,
) -> None:
    """Create a workspace that runs as it is, to be made your own."""
    from agentctl.cli.output import answer, tell
    from agentctl.cli.seed import TASKS, plant
    from agentctl.workspace import check_workspace, find_root

    project = find_root(root)
    folder, files = plant(project, name, source)
    answer(str(folder))
    tell(f"created {name} with {files} files in {folder}")
    if check_workspace(project, name)[0] is None:
        tell(f"it has problems: see `agentctl validate {name}`")
        return
    task = TASKS.get(source or "", "Tea or coffee?")
    tell(f'run it with     agentctl run {name} "{task}"')
    tell(f"change it in    {folder / 'workspace.yaml'}")
    tell(f"check it with   agentctl validate {name}")
