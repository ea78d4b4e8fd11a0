"""`agentctl logs`: one timeline of what workspaces and agents did."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import typer

from agentctl.cli.options import Root, User, complete_role, complete_run, complete_session, complete_workspace

# As in `agentctl.logs.record`, whose import would cost every `--help`; a test compares them.
ComponentName = Literal["runtime", "orchestrator", "graph", "workspace_loader", "reload_manager", "agent"]
LevelName = Literal["debug", "info", "warning", "error"]

_AGO = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _moment(text: str) -> datetime:
    """A time as `--since` takes it; one without a zone is UTC, as the times that are shown."""
    try:
        if ago := _AGO.fullmatch(text):
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is neither like 15m, 2h or 3d nor a time like 2026-11-20T12:00") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def logs(
    workspace: Annotated[
        str | None, typer.Argument(metavar="[WS]", help="Of one workspace.", autocompletion=complete_workspace)
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is logged from now on.")] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", "-n", metavar="NUMBER", min=0, help="At most so many, the last ones; with -f, before new ones."
        ),
    ] = None,
    agent: Annotated[
        str | None, typer.Option(metavar="ROLE", help="Of one agent.", autocompletion=complete_role)
    ] = None,
    component: Annotated[ComponentName | None, typer.Option(help="Of one part of agentctl.")] = None,
    session: Annotated[
        str | None,
        typer.Option(
            "--session", "-s", metavar="SESSION",
            help="Of one session: a name, an id or its start, -1 for the last used.",
            autocompletion=complete_session,
        ),
    ] = None,
    user: User = None,
    run: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Of one run; the first characters will do.", autocompletion=complete_run),
    ] = None,
    level: Annotated[LevelName | None, typer.Option(help="This level and worse.")] = None,
    since: Annotated[
        datetime | None, typer.Option(parser=_moment, metavar="WHEN", help="`90s`, `15m`, `2h`, `3d` ago, or a time.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON Lines, one record an object.")] = False,
    root: Root = None,
) -> None:  # fmt: skip
    """Show what was logged, as one timeline; times are UTC."""
    from agentctl import logs as files
    from agentctl.cli.drive import drive
    from agentctl.cli.output import complain
    from agentctl.cli.project import workspace_name
    from agentctl.cli.session_view import session_id
    from agentctl.cli.timeline import print_timeline
    from agentctl.workspace import find_root

    project = find_root(root)
    if session is not None:
        session = drive(session_id(root, session, user))
    workspace = workspace and workspace_name(project, workspace)
    _check_name(project, workspace)
    read = files.follow if follow else files.read_logs
    wanted: files.Wanted = {
        "agent": agent, "component": component, "session": session, "run": run, "level": level, "since": since,
    }  # fmt: skip
    if not print_timeline(read(project, workspace, limit=limit, **wanted), json=json, is_live=follow):
        complain("no log line fits", "runs write the logs; if there were some, try fewer filters")


def _check_name(root: Path, workspace: str | None) -> None:
    """Refuse a name that neither a workspace nor a log has; the logs of a deleted one can be read."""
    from agentctl.logs.logger import logs_folder
    from agentctl.workspace.discovery import find_workspace

    if workspace is not None and not (logs_folder(root) / workspace).is_dir():
        find_workspace(root, workspace)
