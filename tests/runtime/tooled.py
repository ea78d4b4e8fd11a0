"""Workspaces whose agents call tools; every call of theirs leaves a line in the file `notes`."""

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

import yaml

from agentctl.sessions import Hub
from agentctl.store import Approval, Decision
from tests.runs import workspace

NOTING = """\
from agentctl import tool

def _write(line):
    with open("notes", "a") as file:
        file.write(line + "\\n")

def note(line: str) -> str:
    '''Write a line.'''
    _write(line)
    return f"wrote {line}"

@tool(read_only=True)
async def look(line: str) -> dict:
    '''Look something up.'''
    _write(line)
    return {"seen": line}
"""
FREE = {"approve": {"note": "never"}}
"""Rules under which nobody is asked."""


def tooled(
    agents: Mapping[str, Any],
    replies: Sequence[Mapping[str, Any]] = (),
    code: str = "",
    *,
    stages: Mapping[str, Any] | None = None,
    tools: str = NOTING,
    **top: Any,
) -> dict[str, str]:
    """Files of a workspace with `note` and `look`, whose skill agents play `replies`.

    An agent that lists no `tools` gets both; `top` are further keys of workspace.yaml, `rules` is its `tools`.
    """
    listed = {role: {"tools": ["note", "look"], **agent} for role, agent in agents.items()}
    rules = {"tools": top.pop("rules")} if "rules" in top else {}
    files = workspace(stages or {"talk": list(agents)}, listed, code, model="scripted:script.yaml", **rules, **top)
    return {**files, "tools/work.py": tools, "script.yaml": yaml.safe_dump({"replies": list(replies)})}


def call(tool: str, **args: Any) -> dict[str, Any]:
    """A call in `tool_calls` of a scripted reply."""
    return {"name": tool, "args": args}


def calls(*wanted: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A scripted reply that asks for tools."""
    return {"tool_calls": list(wanted), **more}


def notes(root: Path) -> Counter[str]:
    """How often each line was written."""
    path = root / "notes"
    return Counter(path.read_text().splitlines() if path.exists() else ())


class Asked:
    """Somebody who is asked in place, and decides all alike."""

    def __init__(self, **decision: Any) -> None:
        self.decision = Decision(**{"approve": True, **decision})
        self.seen: list[Approval] = []

    async def __call__(self, approvals: Sequence[Approval]) -> Mapping[str, Decision]:
        self.seen += approvals
        return dict.fromkeys((each.id for each in approvals), self.decision)


async def pending(hub: Hub, run_id: str) -> dict[str, Approval]:
    """What a run still wants decided, by the id of the approval."""
    return {each.id: each for each in await hub.store.approvals.list(user=None, run_id=run_id)}


async def decide_all(hub: Hub, run_id: str, ids: Iterable[str] | None = None, **decision: Any) -> None:
    """Decide everything that a run wants alike."""
    for id_ in ids or await pending(hub, run_id):
        await hub.store.approvals.decide(id_, Decision(**{"approve": True, **decision}), user=None)


def forkserver(module: str) -> ForkServerContext:
    """Processes that have imported everything, so that a kill meets a run and no import."""
    context = multiprocessing.get_context("forkserver")
    ours = ["sessions", "store.database", "graph.manager", "models.script", "agents.prompt", "tools.local"]
    theirs = ["langgraph.graph", "langgraph.checkpoint.sqlite.aio", "langchain_core.tracers", "jsonschema", "jinja2"]
    served = ["fastmcp.client", "fastmcp.server", "fastmcp.tools", "anyio._backends._asyncio"]
    context.set_forkserver_preload([*(f"agentctl.{name}" for name in ours), *theirs, *served, module])
    return context


def process(context: ForkServerContext, root: Path, target: Callable[..., None], *args: object) -> ForkServerProcess:
    """A process of that project, started; the fork server itself has the environment of whichever test came first."""
    made = context.Process(target=_at_home, args=(str(root), dict(os.environ), target, args))
    made.start()
    return made


def _at_home(root: str, env: Mapping[str, str], target: Callable[..., None], args: Sequence[object]) -> None:
    os.environ.clear()
    os.environ.update(env)
    os.chdir(root)
    target(*args)
