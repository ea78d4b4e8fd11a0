"""`agentctl runs`: what ran in this project."""

from typing import Annotated

import typer

from agentctl.cli.options import Json, Root, complete_workspace


def runs(
    workspace: Annotated[
        str | None,
        typer.Option("--workspace", "-w", help="Of this workspace only.", autocompletion=complete_workspace),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many, newest first.")] = 20,
    json: Json = False,
    root: Root = None,
) -> None:
    """List runs, newest first."""
    from agentctl.cli.drive import drive
    from agentctl.cli.output import answer, answer_json, tell
    from agentctl.cli.status import status_of
    from agentctl.store import Store
    from agentctl.workspace import find_root

    async def listed() -> list[dict[str, object]]:
        async with Store(find_root(root)) as store:
            if not store.path.exists():
                return []  # looking leaves nothing behind
            rows = await store.list_runs(limit=limit, workspace=workspace)
        return [
            {
                "run_id": row.run_id,
                "workspace": row.workspace,
                "session_id": row.session_id,
                "user": row.user_id,
                "status": status_of(row),
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
    elif not rows:
        tell('nothing ran yet; start with `agentctl run WS "TASK"`')
    for row in [] if json else rows:
        task = " ".join(str(row["task"]).split())[:60]
        answer(f"{row['run_id']}  {row['created_at'][:19]}  {row['status']:<9}  {row['workspace']:<14}  {task}")  # type: ignore[index]
