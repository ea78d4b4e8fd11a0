"""All that is declared of a workspace as one JSON object, defaults filled in: what `show` tells."""

from typing import Any

from agentctl.channels.policy import STANDARD, may_write
from agentctl.workspace import Workspace
from agentctl.workspace.spec import AgentSpec, StageSpec

Sheet = dict[str, Any]


def build_sheet(workspace: Workspace) -> Sheet:
    """The workspace, its stages, agents and channels, in the files' order."""
    spec = workspace.spec
    channels = {name: list(channel.writers) for name, channel in spec.channels.items()}
    return {
        "name": workspace.name,
        "description": spec.description,
        "generation": workspace.generation,
        "folder": str(workspace.folder),
        "model": spec.model.name,
        "start": workspace.stages.start,
        "stages": [_stage(workspace, name, stage) for name, stage in spec.stages.items()],
        "agents": [_agent(workspace, role, agent, channels) for role, agent in spec.agents.items()],
        "channels": [
            {"name": name, "type": channel.type, "writers": list(channel.writers)}
            for name, channel in spec.channels.items()
        ],
        "limits": spec.limits.model_dump(exclude_none=True),
        "variables": sorted(spec.variables),
        "files": len(workspace.files),
        "warnings": [str(warning) for warning in workspace.warnings],
    }


def _stage(workspace: Workspace, name: str, stage: StageSpec) -> Sheet:
    return {
        "name": name,
        "description": stage.description,
        "agents": list(stage.agents),
        "order": stage.order,
        "exit": stage.exit.model_dump(exclude_none=True),
        "max_rounds": stage.max_rounds,
        "weights": dict(stage.weights),
        "routes": [{"to": route.to, "when": route.when} for route in workspace.stages.routes(name)],
    }


def _agent(workspace: Workspace, role: str, agent: AgentSpec, declared: dict[str, list[str]]) -> Sheet:
    writes = may_write(role, agent.may, bool(agent.scores), declared)
    return {
        "role": role,
        "description": agent.description,
        "kind": agent.kind,
        "model": (agent.model or workspace.spec.model).name if agent.kind == "skill" else None,
        "entry": agent.entry,
        "rule": (agent.rule or "weighted") if agent.kind == "decision" else None,
        "capability": agent.may,
        "reads": list(agent.reads) if agent.reads is not None else None,
        "writes": [name for name in (*STANDARD, *declared) if name in writes],
        "scores": list(agent.scores),
        "tools": list(agent.tools),
        "exit": agent.exit.model_dump(exclude_none=True),
        "on_error": agent.on_error.model_dump(exclude_none=True),
        "timeout_s": agent.timeout_s,
    }
