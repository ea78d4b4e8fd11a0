"""`agentctl chat`: a conversation with a workspace."""

from pathlib import Path
from typing import Annotated

import typer

from agentctl.cli.options import Busy, Files, Json, Meta, Model, Quiet, Root, Session, Stream, User, complete_workspace


def chat(
    workspace: Annotated[
        str | None,
        typer.Argument(
            metavar="WS",
            help="Name of a workspace; default: the session's, or the only one.",
            autocompletion=complete_workspace,
        ),
    ] = None,
    session: Session = None,
    user: User = None,
    file: Files = None,
    meta: Meta = None,
    busy: Busy = "wait",
    model: Model = None,
    json: Json = False,
    quiet: Quiet = False,
    stream: Stream = None,
    root: Root = None,
) -> None:
    """Talk with a workspace; `/help` lists what else can be typed.

    Where the input is no terminal, and with --json, it reads one message a line and answers one a line: a line
    break within an answer is printed as the two characters \\n. The exit code is then that of the last message.
    """
    from agentctl.cli.drive import drive
    from agentctl.cli.options import absolute_files, pairs
    from agentctl.cli.project import workspace_name
    from agentctl.cli.talk.brake import Brake
    from agentctl.cli.talk.conversation import Asked, converse
    from agentctl.sessions.hub import absolute_model
    from agentctl.workspace import find_root

    asked = Asked(
        workspace=None if workspace is None else workspace_name(find_root(root), workspace),
        session=session,
        user=user,
        files=absolute_files(file),
        metadata=pairs(meta),
        model=absolute_model(model),
        busy=busy,
        root=root,
        here=Path.cwd(),
    )
    brake = Brake()
    talk = converse(asked, brake, json=json, quiet=quiet, stream=stream)
    raise typer.Exit(drive(talk, brake.on_signal))
