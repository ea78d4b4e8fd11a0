"""`agentctl runs`: what ran in this project."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from agentctl.cli.options import Json, Limit, OfWorkspace, Root, complete_session, label

_NAME = 16
"""Columns for a name."""


def runs(
    workspace: OfWorkspace = None,
    session: Annotated[
        str | None,
        typer.Option(
            "--session", "-s", metavar="SESSION",
            help="Of this session: a name, an id or its start, -1 for the last used.",
            autocompletion=complete_session,
        ),
    ] = None,
    user: Annotated[
        str | None, typer.Option(metavar="USER", callback=label, help="Whose session that is; a label. Default: you.")
    ] = None,
    limit: Limit = 20,
    json: Json = False,
    root: Root = None,
) -> None:  # fmt: skip
    """List runs, newest first."""
    from agentctl.cli.drive import drive
    from agentctl.cli.output import answer_rows
    from agentctl.cli.session_view import existing, known_workspace
    from agentctl.cli.status import status_of
    from agentctl.sessions import Hub

    async def listed() -> list[dict[str, Any]]:
        async with Hub(root) as hub:
            name = await known_workspace(hub, workspace)
            session_id = None if session is None else (await existing(hub, session, user)).session_id
            if hub.store.is_new:
                return []  # looking leaves nothing behind
            rows = await hub.store.list_runs(limit=limit, workspace=name, session_id=session_id)
            sessions = await hub.sessions.named(row.session_id for row in rows)
            wanted = await hub.store.approvals.list(user=None) if any(row.status == "waiting" for row in rows) else []
        return [
            {
                "run_id": row.run_id,
                "workspace": row.workspace,
                "session_id": row.session_id,
                "session": sessions[row.session_id].name if row.session_id in sessions else None,
                "user": row.user_id,
                "status": status_of(row),
                "approvals": [each.id for each in wanted if each.run_id == row.run_id],
                "generation": row.generation,
                "created_at": row.created_at,
                "active_s": round(row.active_s, 3),
                "task": row.task,
            }
            for row in rows
        ]

    rows = drive(listed())
    answer_rows(rows, _cells(rows), 'nothing ran yet; start with `agentctl run WS "TASK"`', json=json)


def _cells(rows: Sequence[dict[str, Any]]) -> Callable[[dict[str, Any]], list[str]]:
    """How a run of these is told in one line, the task last."""
    from agentctl.cli.output import cut, line
    from agentctl.cli.words import short_ids, since, span

    ids, sessions = (short_ids(row[name] for row in rows) for name in ("run_id", "session_id"))

    def cells(row: dict[str, Any]) -> list[str]:
        names = [cut(line(name), _NAME) for name in (row["workspace"], row["session"] or sessions[row["session_id"]])]
        age = f"{span(since(row['created_at']))} ago"
        return [ids[row["run_id"]], age, row["status"], *names, cut(line(row["task"]), 60)]

    return cells
