"""`agentctl why`: what the agents of a run said and did, its path, and the values that decided."""

from pathlib import Path
from typing import Annotated, Any

import typer

from agentctl.cli.options import Json, MaybeRunId, Root

Full = Annotated[bool, typer.Option("--full", help="Print the whole texts of agents, not their first lines.")]
_COLUMNS = 100
"""In a pipe, which has no width."""


def why(run: MaybeRunId = None, full: Full = False, json: Json = False, root: Root = None) -> None:
    """Tell why a run went where it went, what was said and called.

    It tells exits, routes, scores, the values that decided, and who approved a tool call.
    """
    import shutil

    from agentctl.cli.drive import drive
    from agentctl.cli.output import answer_either
    from agentctl.cli.story import story_lines

    story = drive(_told(root, run))
    width = None if full else shutil.get_terminal_size((_COLUMNS, 24)).columns
    answer_either(story, story_lines(story, width), json=json)


async def _told(root: Path | None, run: str | None) -> dict[str, Any]:
    """The story of a run; default: of the newest."""
    from agentctl.cli.project import project_store
    from agentctl.cli.status import status_of
    from agentctl.errors import UsageError
    from agentctl.runtime.explain import explain

    async with project_store(root) as store:
        # Looking leaves nothing behind, so a state that is not there is not made.
        newest = [] if store.is_new else await store.list_runs(limit=1)
        if not newest:
            raise UsageError("nothing ran yet in this project", hint='start with `agentctl run WS "TASK"`')
        row = newest[0] if run is None else await store.get_run(run)
        story = explain(await store.events(row.run_id), await store.approvals.of_run(row.run_id))
    if story["status"] == "running":
        story["status"] = status_of(row)
    if story["status"] == "waiting" and row.status == "cancelled":  # dropped, while it told nobody anything
        story |= {"status": row.status, "error": (row.result or {}).get("error")}
    # What was killed at once has told nothing.
    known = {"run_id": row.run_id, "workspace": row.workspace, "generation": row.generation, "task": row.task}
    return {**story, **known}
