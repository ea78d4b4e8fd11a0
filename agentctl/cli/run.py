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
    from agentctl.cli.drive import drive
    from agentctl.cli.project import workspace_name
    from agentctl.cli.watch import run_and_show
    from agentctl.errors import NotSupportedYet
    from agentctl.runtime.hub import absolute_model
    from agentctl.workspace import find_root

    if file:
        raise NotSupportedYet("--file")
    if task == "-":
        task = _read_stdin()
    name = workspace_name(find_root(root), workspace)
    model = absolute_model(model)  # before the command changes into the project
    show = run_and_show(
        root, json=json, quiet=quiet, stream=stream,
        start=lambda hub, on_event: hub.run(
            name, task, session=session, user=user, timeout_s=timeout, model=model, on_event=on_event
        ),
    )  # fmt: skip
    raise typer.Exit(drive(show))


def _read_stdin() -> str:
    import sys

    from agentctl.errors import UsageError

    hint = 'pipe the task in, or give it as a word: `agentctl run WS "TASK"`'
    if sys.stdin is None:  # closed, as by `<&-`
        raise UsageError("the task cannot be read: stdin is closed", hint=hint)
    try:
        return sys.stdin.buffer.read().decode(errors="replace")
    except OSError as error:
        raise UsageError(f"the task cannot be read from stdin: {error.strerror or error}", hint=hint) from error
