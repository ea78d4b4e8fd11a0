"""`agentctl runs`: what ran in this project."""

from typing import Annotated, Any

import typer

from agentctl.cli.options import Json, Limit, OfWorkspace, Root, complete_session, label


def runs(
    workspace: OfWorkspace = None,
    session: Annotated[
        str | None,
        typer.Option(
            "--session", "-s", help="Of this session: a name, an id or its start, -1 for the last used.",
            autocompletion=complete_session,
        ),
    ] = None,
    user: Annotated[
        str | None, typer.Option(callback=label, help="Whose session that is; a label. Default: you.")
    ] = None,
    limit: Limit = 20,
    json: Json = False,
    root: Root = None,
) -> None:  # fmt: skip
    """List runs, newest first."""
    from agentctl.cli.drive import drive
    from agentctl.cli.output import answer, answer_json, cut, line, table, tell
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
    if json:
        answer_json(rows)
    elif rows:
        answer(table([*_cells(row), cut(line(str(row["task"])), 60)] for row in rows))
    else:
        tell('nothing ran yet; start with `agentctl run WS "TASK"`')


def _cells(row: dict[str, Any]) -> list[str]:
    from agentctl.cli.words import utc

    named, began = row["session"] or row["session_id"], utc(str(row["created_at"]))
    status = f"{row['status']} for {', '.join(row['approvals'])}" if row["approvals"] else row["status"]
    return [str(cell) for cell in (row["run_id"], began, status, row["workspace"], named)]
