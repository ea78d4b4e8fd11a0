"""`agentctl run`: one task through a workspace."""

from typing import Annotated

import typer

from agentctl.cli.options import (
    Busy,
    Files,
    Json,
    Meta,
    Model,
    Quiet,
    Record,
    Replay,
    Root,
    Session,
    Stream,
    User,
    Wait,
    With,
    WorkspaceName,
)


def run(
    workspace: WorkspaceName,
    task: Annotated[str, typer.Argument(metavar="TASK", help="What to do; `-` reads it from stdin.")],
    session: Session = None,
    user: User = None,
    file: Files = None,
    meta: Meta = None,
    with_: With = None,
    busy: Busy = "wait",
    model: Model = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=0.001, help="Active time of the run, in seconds.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    stream: Stream = None,
    wait: Wait = False,
    record: Record = None,
    replay: Replay = None,
    root: Root = None,
) -> None:
    """Run one task through a workspace and print the answer."""
    from agentctl.cli.drive import drive
    from agentctl.cli.options import absolute_files, pairs
    from agentctl.cli.project import workspace_name
    from agentctl.cli.taping import exit_code, open_tape
    from agentctl.cli.watch import announcing, run_and_show
    from agentctl.sessions import TurnOptions
    from agentctl.sessions.hub import absolute_model
    from agentctl.workspace import find_root

    if task == "-":
        task = _read_stdin()
    name = workspace_name(find_root(root), workspace)
    options: TurnOptions = {
        "session": session,
        "user": user,
        "files": absolute_files(file),  # before the command changes into the project
        "metadata": pairs(meta),
        "tools": with_ or (),
        "busy": busy,
        "model": absolute_model(model),
        "timeout_s": timeout,
    }
    tape = open_tape(find_root(root), record, replay)
    show = run_and_show(
        root, json=json, quiet=quiet, stream=stream, wait=wait,
        start=lambda hub, on_event, ask: hub.run(
            name, task, on_event=announcing(on_event, quiet=quiet), ask=ask, tape=tape, **options
        ),
    )  # fmt: skip
    raise typer.Exit(exit_code(tape, drive(show)))


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
