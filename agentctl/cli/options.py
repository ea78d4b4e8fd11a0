"""Arguments and options that more than one command takes, written once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

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


def complete_session(context: typer.Context, incomplete: str) -> Iterator[tuple[str, str]]:
    """Names, or ids, of the sessions last used, each with its workspace and turns."""
    from agentctl.cli.statefile import newest_sessions
    from agentctl.workspace import find_root

    sessions = newest_sessions(find_root(context.params.get("root")))
    yield from ((word, about) for word, about in sessions if word.startswith(incomplete))


def absolute_files(files: list[str] | None) -> list[str]:
    """Paths as absolute ones, URLs as they are."""
    return [file if "://" in file else str(Path(file).expanduser().absolute()) for file in files or ()]


def pairs(texts: list[str] | None) -> dict[str, str]:
    """`k=v` words as a mapping.

    Raises:
        UsageError: one has no `=`, or nothing before it.
    """
    split = [text.partition("=") for text in texts or ()]
    if bad := [text for text, (key, equals, _) in zip(texts or (), split, strict=True) if not (key.strip() and equals)]:
        raise UsageError(f"{bad[0]!r} is not KEY=VALUE", hint="write for example `--meta ticket=42`")
    return {key.strip(): value for key, _, value in split}


def _existing(root: Path | None) -> Path | None:
    if root is not None and not root.is_dir():
        raise UsageError(f"no such folder: {root}", hint="name the folder that holds `workspaces/`")
    return root


def label(user: str | None) -> str | None:
    """A user's name, if it can be one.

    Raises:
        UsageError: it is empty, or holds what no terminal can show.
    """
    if user is not None and not (user.strip() and user.isprintable()):
        raise UsageError(f"{user!r} cannot name a user", hint="give a label of printable characters, or leave it out")
    return user


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
Session = Annotated[
    str | None,
    typer.Option(
        "--session",
        "-s",
        help="Conversation to continue: a name, an id or its start, -1 for the last; a new name begins one.",
        autocompletion=complete_session,
    ),
]
SessionWord = Annotated[
    str,
    typer.Argument(
        metavar="SESSION",
        help="Its name, its id or the first 6 characters of that, or -1 for the last used.",
        autocompletion=complete_session,
    ),
]
User = Annotated[str | None, typer.Option(callback=label, help="Whose it is; a label. Default: you.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000_000, help="At most so many, newest first.")]
OfWorkspace = Annotated[
    str | None,
    typer.Option("--workspace", "-w", help="Of this workspace only.", autocompletion=complete_workspace),
]
Files = Annotated[list[str] | None, typer.Option("--file", help="Attach a file or an http(s) URL; repeatable.")]
Meta = Annotated[list[str] | None, typer.Option("--meta", metavar="KEY=VALUE", help="Note on a session; repeatable.")]
Busy = Annotated[
    Literal["wait", "fail", "cancel"],
    typer.Option(help="While another run is in the session: wait a minute, fail at once, or cancel that run."),
]
SESSION_WORDS = {"ignore_unknown_options": True}
"""For commands that take a session as an argument: `-1` is one, and no option."""
Model = Annotated[str | None, typer.Option("--model", "-m", help="Model of every agent.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
