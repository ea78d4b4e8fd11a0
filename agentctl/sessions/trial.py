"""Runs the workspace's own tests: each in a project of its own that is gone afterwards."""

import asyncio
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from agentctl.errors import AgentctlError
from agentctl.events import Event
from agentctl.logs import env_secrets, mask
from agentctl.runtime import RunResult
from agentctl.runtime.player import Player
from agentctl.runtime.stubs import Stubs
from agentctl.sessions.hub import Hub
from agentctl.settings import Settings
from agentctl.store import Approval, Decision
from agentctl.workspace import Workspace
from agentctl.workspace.discovery import FOLDER
from agentctl.workspace.trial import ExpectSpec, TrialSpec

AT_ONCE = 4
TIMEOUT_S = 60.0
"""Of one test, unless the workspace's own limit is shorter."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that did not come out as expected; `what` is a key of `expect`, or `call` or `run`."""

    what: str
    expected: Any
    got: Any


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one test: it is passed if there are no faults."""

    name: str
    faults: Sequence[Fault]
    duration_s: float


async def try_out(workspace: Workspace, names: Sequence[str]) -> list[Verdict]:
    """Run tests of a workspace, a few at once.

    Args:
        workspace: as it is on disk.
        names: of `workspace.trials`.
    """
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(name: str) -> Verdict:
        async with gate:
            start = time.monotonic()
            faults = await _try(workspace, name, workspace.trials[name])
            return Verdict(name, faults, time.monotonic() - start)

    return list(await asyncio.gather(*map(one, names)))


async def _try(workspace: Workspace, name: str, spec: TrialSpec) -> list[Fault]:
    settings = Settings.load(workspace.root)
    with tempfile.TemporaryDirectory(prefix="agentctl-test-") as folder:
        stubs = Stubs(spec.tools)
        root, script = await asyncio.to_thread(_project, Path(folder), workspace, name, spec)
        events: list[Event] = []
        player = None
        try:
            if spec.cassette is not None:
                masked = partial(mask, secrets=env_secrets(settings.env))
                player = await asyncio.to_thread(Player, workspace.folder / spec.cassette, masked)
            own = replace(settings, root=root, database_url=None, redis_url=None)
            async with Hub(root, settings=own, open_box=stubs.open) as hub:
                result = await hub.run(
                    workspace.name,
                    spec.task,
                    on_event=events.append,
                    ask=partial(_decide, spec.approvals == "approve"),
                    tape=player,
                    model=None if player else f"scripted:{script}",
                    timeout_s=min(workspace.spec.limits.timeout_s or TIMEOUT_S, TIMEOUT_S),
                    tools=spec.enable,
                )
        except AgentctlError as error:
            return [Fault("run", "a run", f"{error.code}: {error}; {error.hint}".rstrip("; "))]
    refused = list(dict.fromkeys(stubs.box.refused)) if stubs.box is not None else []
    found = _faults(spec.expect, result, events, is_cut=bool(refused))
    faults = [_named(fault, str(script), f"tests/{name}.yaml") for fault in found]
    if player is not None:
        faults += [Fault("call", "a recorded call", str(miss)) for miss in player.misses[:1]]
    faults += [
        Fault("call", f"`tools: {{{tool}: …}}` in the test, or a function that is read-only", f"a call of {tool}")
        for tool in refused
    ]
    return faults


def _project(folder: Path, workspace: Workspace, name: str, spec: TrialSpec) -> tuple[Path, Path]:
    """A project with the same workspaces and a state of its own; and the replies of the test in it."""
    root = folder.resolve()
    (root / FOLDER).symlink_to(workspace.root / FOLDER)
    script = root / f"{name}.yaml"
    script.write_text(spec.model_dump_json(include={"replies"}, exclude_unset=True))
    return root, script


def _named(fault: Fault, path: str, name: str) -> Fault:
    """With the name that the user knows the test's file by."""
    return replace(fault, got=fault.got.replace(path, name)) if isinstance(fault.got, str) else fault


async def _decide(approve: bool, approvals: Sequence[Approval]) -> Mapping[str, Decision]:
    return {approval.id: Decision(approve=approve) for approval in approvals}


def _faults(expect: ExpectSpec, result: RunResult, events: Sequence[Event], *, is_cut: bool) -> Iterator[Fault]:
    """What is not as expected; the status of a run is no news if it was cut off from a tool."""
    if result.status != expect.status and not is_cut:
        error = result.error or {}
        why = f": {error.get('code')}: {error.get('message')}" if error else ""
        yield Fault("status", expect.status, f"{result.status}{why}")
        return  # all else follows from that
    if expect.path is not None and expect.path != list(result.stages):
        yield Fault("path", expect.path, list(result.stages))
    if expect.winner is not None and expect.winner != result.winner:
        yield Fault("winner", expect.winner, result.winner)
    for key, value in expect.decision.items():
        if key not in result.decision or not _equal(result.decision[key], value):
            yield Fault(f"decision.{key}", value, result.decision.get(key))
    for pattern in expect.output:
        if not is_in(pattern, result.output):
            yield Fault("output", pattern, result.output)
    if expect.tools is not None:
        called = list(_called(events))
        if len(called) != len(expect.tools) or not all(map(_names, expect.tools, called)):
            told = [name if status == "ok" else f"{name} {status}" for name, status in called]
            yield Fault("tools", expect.tools, told)


def is_in(pattern: str, text: str) -> bool:
    """Whether the pieces between the pattern's `*` stand in the text, in their order."""
    at = 0
    for piece in pattern.split("*"):
        found = text.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _equal(one: object, other: object) -> bool:
    """Whether two JSON values are the same; true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _names(expected: str, call: tuple[str, str]) -> bool:
    return expected in (call[0], " ".join(call))


def _called(events: Sequence[Event]) -> Iterator[tuple[str, str]]:
    """Tool and status of each call in order; of agents at once, first all of the one that the stage lists first."""
    order: dict[str, int] = {}
    places: dict[tuple[object, ...], int] = {}
    statuses: dict[object, str] = {}
    called: list[tuple[tuple[int, int], Event]] = []
    for event in events:
        data: Mapping[str, Any] = event.data
        if event.type == "stage.entered":
            order = {role: number for number, role in enumerate(data["agents"])}
        elif event.type == "tool.called":
            place = places.setdefault((data["stage"], data["visit"], data["round"]), len(places))
            called.append(((place, order.get(data["agent"], len(order))), event))
        elif event.type == "tool.returned":
            statuses[data["call_id"]] = data["status"]
    for _, event in sorted(called, key=lambda each: each[0]):
        yield str(event.data["tool"]), statuses.get(event.data["call_id"], "unknown")
