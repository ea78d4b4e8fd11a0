"""All agents of a generation, built once and shared by its runs."""

from collections.abc import Callable, Iterator, Mapping

from agentctl.agents.call import Agent
from agentctl.agents.decision import DecisionAgent
from agentctl.agents.output import Writer
from agentctl.agents.python import python_agent
from agentctl.agents.skill import DEFAULT_PROMPT, OPTIONS_SCHEMA, SkillAgent, answer_schema
from agentctl.agents.tool import tool_agent
from agentctl.channels.policy import may_write
from agentctl.workspace import Workspace
from agentctl.workspace.spec import AgentSpec


class AgentRegistry(Mapping[str, Agent]):
    """Role to agent, in the order of the workspace; `writer(role)` tells what a role may write.

    Args:
        load_python: gives the object that an `entry` names.
    """

    def __init__(self, workspace: Workspace, load_python: Callable[[str], object]) -> None:
        spec = workspace.spec
        declared = {name: channel.writers for name, channel in spec.channels.items()}
        types = {name: channel.type for name, channel in spec.channels.items()}
        self._agents = {role: _build(workspace, role, agent, load_python) for role, agent in spec.agents.items()}
        self._writers = {
            role: Writer(role, agent, may_write(role, agent.may, bool(agent.scores), declared), declared, types)
            for role, agent in spec.agents.items()
        }

    def writer(self, role: str) -> Writer:
        """What `to_delta` must know of `role`."""
        return self._writers[role]

    def __getitem__(self, role: str) -> Agent:
        return self._agents[role]

    def __iter__(self) -> Iterator[str]:
        return iter(self._agents)

    def __len__(self) -> int:
        return len(self._agents)


def _build(workspace: Workspace, role: str, spec: AgentSpec, load_python: Callable[[str], object]) -> Agent:
    if spec.kind == "decision":
        return DecisionAgent(role, spec)
    if spec.kind == "tool":
        return tool_agent(workspace, role, spec)
    if spec.kind == "python":
        own = [name for name, channel in workspace.spec.channels.items() if role in channel.writers]
        return python_agent(role, spec, load_python(spec.entry or ""), own)
    return _skill(workspace, role, spec)


def _skill(workspace: Workspace, role: str, spec: AgentSpec) -> SkillAgent:
    from agentctl.agents.prompt import names_read

    prompt = workspace.prompt(role) or DEFAULT_PROMPT
    types = {name: _field_schema(workspace, field.type, field.to) for name, field in spec.output.items()}
    return SkillAgent(
        role=role,
        spec=spec,
        prompt=prompt,
        reads_in_prompt=names_read(prompt),
        variables=workspace.spec.variables,
        schema=answer_schema(spec, types),
    )


def _field_schema(workspace: Workspace, type_: str, channel: str) -> Mapping[str, object]:
    if type_.endswith(".json"):
        return workspace.schema(type_)
    if channel == "options" and type_ == "array":
        return OPTIONS_SCHEMA
    return {"type": type_, "items": {}} if type_ == "array" else {"type": type_}
