"""Arguments and options that more than one command takes, written once."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from agentctl.errors import UsageError

MIN_RUN_ID = 6
"""Characters of a run's id that name it; as in `agentctl.store`, whose import would cost every `--help`."""


def _project(context: typer.Context) -> Path:
    from agentctl.workspace import find_root

    return find_root(context.params.get("root"))


# For shell completion. Typer leaves out what does not begin with the word that was typed.
def complete_workspace(context: typer.Context) -> list[str]:
    """Workspace names of the project."""
    from agentctl.workspace import list_workspaces

    return list_workspaces(_project(context))


def complete_source(context: typer.Context) -> list[str]:
    """Names of workspaces that `new --from` can copy, ready-made ones too."""
    from agentctl.cli.seed import sources

    return list(sources(_project(context)))


def complete_run(context: typer.Context) -> list[tuple[str, str]]:
    """Ids of the newest runs, each with its workspace, status and task."""
    from agentctl.cli.statefile import newest_runs

    return newest_runs(_project(context))


def complete_approval(context: typer.Context) -> list[tuple[str, str]]:
    """Ids of what waits for a decision, each with its tool and arguments."""
    from agentctl.cli.statefile import open_approvals

    return open_approvals(_project(context))


def complete_role(context: typer.Context) -> list[str]:
    """Roles that have a log."""
    from agentctl.logs.logger import logs_folder

    logs = logs_folder(_project(context)).glob(f"{context.params.get('workspace') or '*'}/agents/*.log")
    return sorted({path.stem for path in logs})


def complete_session(context: typer.Context) -> list[tuple[str, str]]:
    """Names, or ids, of the sessions last used, each with its workspace and turns."""
    from agentctl.cli.statefile import newest_sessions

    return newest_sessions(_project(context))


def absolute_files(files: list[str] | None, here: Path | None = None) -> list[str]:
    """Paths as absolute ones, from `here` or else the current folder; URLs as they are."""
    here = here or Path.cwd()
    return [file if "://" in file else str(here / Path(file).expanduser()) for file in files or ()]


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


def long_enough(run: str | None) -> str | None:
    """A run's id, or enough of it.

    Raises:
        UsageError: it is too short.
    """
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
        callback=long_enough,
        autocompletion=complete_run,
    ),
]
MaybeRunId = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN",
        help="Id of a run, or its first 6 characters or more; default: the newest run.",
        callback=long_enough,
        autocompletion=complete_run,
    ),
]
Root = Annotated[
    Path | None,
    typer.Option(
        "--root",
        envvar="AGENTCTL_ROOT",
        metavar="FOLDER",
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
        metavar="SESSION",
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
User = Annotated[str | None, typer.Option(metavar="USER", callback=label, help="Whose it is; a label. Default: you.")]
Limit = Annotated[
    int,
    typer.Option("--limit", "-n", metavar="NUMBER", min=1, max=1_000_000, help="At most so many, newest first."),
]
OfWorkspace = Annotated[
    str | None,
    typer.Option("--workspace", "-w", metavar="WS", help="Of this workspace only.", autocompletion=complete_workspace),
]
Files = Annotated[
    list[str] | None, typer.Option("--file", metavar="FILE", help="Attach a file or an http(s) URL; repeatable.")
]
Meta = Annotated[list[str] | None, typer.Option("--meta", metavar="KEY=VALUE", help="Note on a session; repeatable.")]
With = Annotated[
    list[str] | None, typer.Option("--with", metavar="TOOL", help="Switch on an optional tool; repeatable.")
]
Record = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write all model and tool calls into FILE, a cassette.")
]
Replay = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Call nothing: play the calls that FILE holds. Needs no key.")
]
Busy = Annotated[
    Literal["wait", "fail", "cancel"],
    typer.Option(help="While another run is in the session: wait a minute, fail, or cancel it, even one that waits."),
]
SESSION_WORDS = {"ignore_unknown_options": True}
"""For commands that take a session as an argument: `-1` is one, and no option."""
Wait = Annotated[
    bool,
    typer.Option("--wait", help="Wait until approvals are decided with `agentctl approvals`, and ask nobody here."),
]
Model = Annotated[str | None, typer.Option("--model", "-m", metavar="MODEL", help="Model of every agent.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
