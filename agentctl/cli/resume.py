"""`agentctl resume`: continue a run that was stopped, killed or failed."""

import typer

from agentctl.cli.options import Json, Quiet, Root, RunId, Stream, User, Wait


def resume(
    run: RunId,
    user: User = None,
    json: Json = False,
    quiet: Quiet = False,
    stream: Stream = None,
    wait: Wait = False,
    root: Root = None,
) -> None:
    """Continue a run that was stopped, killed or failed.

    It goes on with the files that it started with; what its agents finished is not done again.
    """
    from agentctl.cli.drive import drive
    from agentctl.cli.watch import run_and_show

    show = run_and_show(
        root, json=json, quiet=quiet, stream=stream, wait=wait,
        start=lambda hub, on_event, ask: hub.resume(run, user=user, on_event=on_event, ask=ask),
    )  # fmt: skip
    raise typer.Exit(drive(show))
