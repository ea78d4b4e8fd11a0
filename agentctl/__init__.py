"""agentctl: multi-agent workspaces, declared in YAML and run on LangGraph.

    async with agentctl.open("my-project") as hub:
        result = await hub.run("debate", "Tea or coffee?")

Public: `open`, `run`, `plain`. Importing this package does nothing and loads nothing heavy.
"""

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from agentctl.runtime import RunResult, WorkspaceHub

__all__ = ["open", "plain", "run"]

T = TypeVar("T")


def open(root: Path | str | None = None) -> "WorkspaceHub":
    """A hub for the project at `root`, to be entered with `async with`.

    Args:
        root: default: the nearest parent that has `workspaces/`, else the working directory.
    """
    from agentctl.runtime import WorkspaceHub

    return WorkspaceHub(root)


def run(
    workspace: str,
    task: str,
    *,
    root: Path | str | None = None,
    session: str | None = None,
    user: str | None = None,
    timeout_s: float | None = None,
    model: str | None = None,
) -> "RunResult":
    """Run one task and wait for its end, from blocking code, in any thread.

    Takes and raises what `WorkspaceHub.run` does. From async code, use `open`.
    """
    import asyncio

    from agentctl.errors import UsageError

    if asyncio._get_running_loop() is not None:
        raise UsageError(
            "`agentctl.run` blocks, and this is async code", hint="use `async with agentctl.open() as hub`"
        )

    async def once() -> "RunResult":
        async with open(root) as hub:
            return await hub.run(workspace, task, session=session, user=user, timeout_s=timeout_s, model=model)

    return asyncio.run(once())


def plain(value: T) -> T:
    """A copy of a read-only view (or of anything) as dicts, lists and scalars."""
    from agentctl.channels.view import plain as copy_out

    copied: T = copy_out(value)
    return copied
