"""agentctl: multi-agent workspaces, declared in YAML and run on LangGraph.

    async with agentctl.open("my-project") as hub:
        result = await hub.run("debate", "Tea or coffee?")

Public: `open`, `run`, `plain`, `tool`. Importing this package does nothing and loads nothing heavy.
"""

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, Unpack, overload

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentctl.runtime import RunResult
    from agentctl.sessions import Hub, TurnOptions

__all__ = ["open", "plain", "run", "tool"]

T = TypeVar("T")
Function = TypeVar("Function", bound="Callable[..., object]")


def open(root: Path | str | None = None) -> "Hub":
    """A hub for the project at `root`, to be entered with `async with`.

    Args:
        root: default: the nearest parent that has `workspaces/`, else the working directory.
    """
    from agentctl.sessions import Hub

    return Hub(root)


def run(workspace: str, task: str, *, root: Path | str | None = None, **options: "Unpack[TurnOptions]") -> "RunResult":
    """Run one task and wait for its end, from blocking code, in any thread.

    Takes and raises what `Hub.run` does. From async code, use `open`.
    """
    import asyncio

    from agentctl.errors import UsageError

    if asyncio._get_running_loop() is not None:
        raise UsageError(
            "`agentctl.run` blocks, and this is async code", hint="use `async with agentctl.open() as hub`"
        )

    async def once() -> "RunResult":
        async with open(root) as hub:
            return await hub.run(workspace, task, **options)

    return asyncio.run(once())


def plain(value: T) -> T:
    """A copy of a read-only view (or of anything) as dicts, lists and scalars."""
    from agentctl.channels.view import plain as copy_out

    copied: T = copy_out(value)
    return copied


@overload
def tool(function: Function) -> Function: ...
@overload
def tool(
    *, read_only: bool = False, destructive: bool = True, idempotent: bool = False, open_world: bool = True
) -> "Callable[[Function], Function]": ...
def tool(
    function: "Callable[..., object] | None" = None,
    *,
    read_only: bool = False,
    destructive: bool = True,
    idempotent: bool = False,
    open_world: bool = True,
) -> object:
    """Say of a function in `tools/*.py` what calling it does; a public one is a tool without this, too.

    Args:
        function: given by a bare `@tool`.
        read_only: changes nothing; it is called without asking, and again if it failed by time or network.
        destructive: may change or delete what is there already; asked for, unless the workspace says otherwise.
        idempotent: a second call with the same arguments changes nothing more.
        open_world: reaches things outside of the project.
    """

    def mark(function: Function) -> Function:
        function.__agentctl_tool__ = {  # type: ignore[attr-defined]
            "read_only": read_only,
            "destructive": destructive,
            "idempotent": idempotent,
            "open_world": open_world,
        }
        return function

    return mark if function is None else mark(function)
