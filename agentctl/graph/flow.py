"""The stages of a workspace with their rules parsed: what the router decides by."""

from collections.abc import Mapping
from dataclasses import dataclass

from agentctl.channels.policy import ChannelType
from agentctl.rules import Expression
from agentctl.rules.agent_exit import AgentExit
from agentctl.rules.routes import Route
from agentctl.rules.stage_exit import StageExit
from agentctl.workspace import Workspace
from agentctl.workspace.spec import AgentExitSpec, StageExitSpec, StageSpec

MAX_STEPS = 1000
"""Passes of agents where `limits.max_steps` is not given."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage, ready to decide: `exits` holds its agents' own exits by role."""

    name: str
    roles: tuple[str, ...]
    sequential: bool
    exit: StageExit
    exits: Mapping[str, AgentExit]
    max_rounds: int
    weights: Mapping[str, float | Expression]
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Flow:
    """All stages of a generation; immutable, shared by its runs.

    `channels` is declared channel to type; `decides` the roles of kind `decision`.
    """

    start: str
    stages: Mapping[str, Stage]
    max_steps: int
    channels: Mapping[str, ChannelType]
    decides: frozenset[str]


def build_flow(workspace: Workspace) -> Flow:
    """Parse the rules of a validated workspace."""
    spec = workspace.spec
    return Flow(
        start=workspace.stages.start,
        stages={name: _stage(workspace, name, stage) for name, stage in spec.stages.items()},
        max_steps=spec.limits.max_steps or MAX_STEPS,
        channels={name: channel.type for name, channel in spec.channels.items()},
        decides=frozenset(role for role, agent in spec.agents.items() if agent.kind == "decision"),
    )


def _stage(workspace: Workspace, name: str, spec: StageSpec) -> Stage:
    agents = workspace.spec.agents
    return Stage(
        name=name,
        roles=tuple(spec.agents),
        sequential=spec.order == "sequential",
        exit=_stage_exit(spec.exit),
        exits={role: _agent_exit(agents[role].exit) for role in spec.agents},
        max_rounds=spec.max_rounds,
        weights={m: _expression(w) if isinstance(w, str) else w for m, w in spec.weights.items()},
        routes=tuple(Route(_optional(route.when), route.to) for route in workspace.stages.routes(name)),
    )


def _stage_exit(spec: StageExitSpec) -> StageExit:
    return StageExit(rule=spec.rule, quorum=spec.quorum, when=_optional(spec.when))


def _agent_exit(spec: AgentExitSpec) -> AgentExit:
    return AgentExit(rule=spec.rule, max_runs=spec.max_runs, until=_optional(spec.until))


def _optional(text: str | None) -> Expression | None:
    return None if text is None else _expression(text)


def _expression(text: str) -> Expression:
    return Expression.parse(text)
