"""`agentctl run`: one task through a workspace."""

from pathlib import Path
from typing import Annotated

import typer

from agentctl.cli.options import Json, Quiet, Root, Stream, WorkspaceName


def run(
    workspace: WorkspaceName,
    task: Annotated[str, typer.Argument(metavar="TASK", help="What to do; `-` reads it from stdin.")],
    session: Annotated[str | None, typer.Option(help="Conversation to continue (not supported yet).")] = None,
    user: Annotated[str | None, typer.Option(help="Whose run it is; a label. Default: you.")] = None,
    file: Annotated[list[Path] | None, typer.Option(help="Attach a file (not supported yet).")] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Model of every agent.")] = None,
    timeout: Annotated[float | None, typer.Option(min=0.001, help="Active time of the run, in seconds.")] = None,
    json: Json = False,
    quiet: Quiet = False,
    stream: Stream = None,
    root: Root = None,
) -> None:
    """Run one task through a workspace and print the answer."""
    import sys

    from agentctl.cli.drive import drive
    from agentctl.cli.watch import run_and_show
    from agentctl.errors import NotSupportedYet
    from agentctl.runtime.hub import absolute_model

    if file:
        raise NotSupportedYet("--file")
    if task == "-":
        task = sys.stdin.buffer.read().decode(errors="replace")
    model = absolute_model(model)  # before the command changes into the project
    show = run_and_show(
        root, json=json, quiet=quiet, stream=stream,
        start=lambda hub, on_event: hub.run(
            workspace, task, session=session, user=user, timeout_s=timeout, model=model, on_event=on_event
        ),
    )  # fmt: skip
    raise typer.Exit(drive(show))
