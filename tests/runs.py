"""Small workspaces of python agents, and real runs of them."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

import agentctl
from agentctl.errors import WorkspaceInvalid
from agentctl.runtime import RunResult

WORK = '''\
"""Entries that most tests need."""

def speak(state, ctx):
    return f"{ctx.agent}{ctx.round}"

def broken(state, ctx):
    raise ValueError(f"{ctx.agent} broke")

async def silent(state):
    return None
'''
Told = list[dict[str, Any]]


def workspace(
    stages: Mapping[str, Any], agents: Mapping[str, Any] | None = None, code: str = "", **top: Any
) -> dict[str, str]:
    """Files of a workspace; a stage may be a list of roles, and a role that `agents` lacks speaks.

    `code` is added to `work.py`; an agent with an `entry` and no `kind` is a python agent.
    """
    spelt = {name: {"agents": stage} if isinstance(stage, list) else stage for name, stage in stages.items()}
    roles = dict.fromkeys(role for stage in spelt.values() for role in stage["agents"])
    speaking: dict[str, Any] = {role: {"entry": "work:speak"} for role in roles}
    given = {**speaking, **(agents or {})}
    full = {role: {"kind": "python", **agent} if "entry" in agent else agent for role, agent in given.items()}
    text = yaml.safe_dump({"version": 1, "stages": spelt, "agents": full, **top}, sort_keys=False)
    return {"workspace.yaml": text, "work.py": WORK + code}


async def run(root: Path, task: str = "do it", name: str = "demo", **options: Any) -> RunResult:
    """One run in a hub of its own."""
    with _explained():
        async with agentctl.open(root) as hub:
            return await hub.run(name, task, **options)


async def told(root: Path, task: str = "do it", name: str = "demo", **options: Any) -> Told:
    """All events of one run, as `--json` prints them."""
    with _explained():
        async with agentctl.open(root) as hub:
            return [event.as_dict() async for event in hub.stream(name, task, **options)]


@contextmanager
def _explained() -> Iterator[None]:
    """Let a failed test show what is wrong with its workspace."""
    try:
        yield
    except WorkspaceInvalid as error:
        error.add_note("\n".join(map(str, error.problems)))
        raise


def of(events: Iterable[Mapping[str, Any]], type_: str) -> Told:
    """The events of one type."""
    return [dict(event) for event in events if event["type"] == type_]


def agents_of(events: Iterable[Mapping[str, Any]], type_: str = "agent.finished") -> list[str]:
    """Whose events of a type they are, in order."""
    return [event["agent"] for event in of(events, type_)]
