"""`agentctl sessions export|import`: a session as a file."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from agentctl.cli.options import Root, SessionWord, User, complete_workspace


def export(
    session: SessionWord,
    format: Annotated[
        Literal["json", "markdown"], typer.Option(help="json can be imported again; markdown is for people.")
    ] = "json",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it here; default: stdout.")
    ] = None,
    user: User = None,
    root: Root = None,
) -> None:
    """Write a session as a file.

    As JSON, with attached files and what agents remember at its end.
    """
    from agentctl.cli.drive import drive
    from agentctl.cli.output import answer, json_text, safe, tell
    from agentctl.cli.session_view import opened
    from agentctl.sessions import as_markdown
    from agentctl.sessions.document import MAX_BYTES

    async def exported() -> dict[str, object]:
        async with opened(root, session, user) as (hub, row):
            return await hub.sessions.export(row, on_left_out=lambda error: tell(f"warning: left out: {error}"))

    found = drive(exported())
    text = json_text(found, indent=2) + "\n" if format == "json" else safe(as_markdown(found))
    if output is None:
        answer(text.removesuffix("\n"))
        return
    # A lone surrogate becomes its escape, which JSON reads again.
    size = output.write_bytes(text.encode(errors="backslashreplace"))
    tell(f"wrote {output}")
    if format == "json" and size > MAX_BYTES:
        tell(f"warning: it is over {MAX_BYTES:,} bytes, so it cannot be imported")


def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="What `export` wrote; `-` reads it from stdin.")],
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Its name, over the one in the file.")] = None,
    workspace: Annotated[
        str | None,
        typer.Option(
            "--workspace", "-w", metavar="WS", help="Its workspace, over the one in the file.",
            autocompletion=complete_workspace,
        ),
    ] = None,
    user: User = None,
    root: Root = None,
) -> None:  # fmt: skip
    """Add a session that was exported, as yours.

    Prints its name, or its id if it has none.
    """
    from agentctl.cli.drive import drive
    from agentctl.cli.output import answer, plural, tell
    from agentctl.cli.session_view import called
    from agentctl.sessions import Hub

    document = _read(file)

    async def imported() -> None:
        async with Hub(root) as hub:
            row = await hub.sessions.import_(document, name=name, workspace=workspace, user=user)
        answer(called(row))
        tell(f"imported {plural(row.turns, 'turn')} of {row.workspace}")

    drive(imported())


def _read(file: str) -> bytes:
    """The file's bytes, not many more than may be imported."""
    import sys

    from agentctl.errors import UsageError
    from agentctl.sessions.document import MAX_BYTES

    try:
        if file != "-":
            with Path(file).open("rb") as opened:
                return opened.read(MAX_BYTES + 1)
        if sys.stdin is not None:
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        reason = "stdin is closed"
    except (OSError, ValueError) as error:  # a NUL in its name is a ValueError
        reason = getattr(error, "strerror", None) or str(error)
    raise UsageError(f"{file!r} cannot be read: {reason}", hint="name a file that `agentctl sessions export` wrote")
