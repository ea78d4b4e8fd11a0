"""`kind: tool`: no model, only calls of tools, made one after the other."""

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentctl.agents.call import AgentCall, Fields
from agentctl.channels.view import view
from agentctl.errors import AgentFailed
from agentctl.rules import Expression
from agentctl.tools import ToolOutcome
from agentctl.tools.policy import Policy
from agentctl.workspace import Workspace
from agentctl.workspace.checks.tool import RESULTS
from agentctl.workspace.spec import AgentSpec

SHOWN = 500
"""Characters of what a tool said that the agent's failure quotes."""


@dataclass(frozen=True, slots=True)
class ToolAgent:
    """Makes the calls of its file in their order, each when the one before has ended well.

    Attributes:
        conditions: the `when` of each call, or None.
        optional: the tools among them that are off until a turn asks for them.
    """

    role: str
    spec: AgentSpec
    variables: Mapping[str, object]
    conditions: Sequence[Expression | None]
    optional: frozenset[str]

    async def run(self, call: AgentCall) -> Fields:
        """Return what the tools said as `text`, and the declared fields that the last result has; or nothing.

        Raises:
            AgentFailed: a call did not end well, or its arguments could not be filled in; none behind it was made.
            ExpressionFailed: a `when` has no value.
        """
        off = self.optional.difference(tool.name for tool in call.tools)
        results: list[dict[str, Any]] = []
        for index, (wanted, condition) in enumerate(zip(self.spec.calls, self.conditions, strict=True)):
            names = ChainMap[str, object]({**self.variables, RESULTS: view(results)}, call.names)  # type: ignore[arg-type]
            if wanted.tool in off:
                continue
            if condition is not None and not condition.is_true(names):
                call.calls.skip(wanted.tool, condition.text, condition.explain(names))
                continue
            args = await self._filled(wanted.args, names, f"calls[{index}].args")
            (outcome,) = await call.calls.tools([(wanted.tool, args)])
            results.append(self._result(wanted.tool, outcome))
        if not results:
            return {}
        last = results[-1]["result"]
        declared = {name: last[name] for name in self.spec.output if name in last} if isinstance(last, dict) else {}
        return {"text": "\n\n".join(filter(None, (result["text"] for result in results))), **declared}

    async def _filled(self, value: Any, names: Mapping[str, object], place: str) -> Any:
        """`value` with each text in it taken as a template."""
        from agentctl.agents.prompt import PromptFailed, render_value

        if isinstance(value, dict):
            return {key: await self._filled(item, names, f"{place}.{key}") for key, item in value.items()}
        if isinstance(value, list):
            return [await self._filled(item, names, f"{place}[{index}]") for index, item in enumerate(value)]
        if not isinstance(value, str):
            return value
        try:
            return await render_value(value, names)
        except PromptFailed as error:
            raise AgentFailed(self.role, f"{place}: {error}", hint=error.hint, code=error.code) from None

    def _result(self, tool: str, outcome: ToolOutcome) -> dict[str, Any]:
        """What later calls see of this one, which must have ended well."""
        if outcome.status != "ok":
            text = " ".join(outcome.text.split())
            said = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
            raise AgentFailed(
                self.role,
                f"{tool} ({outcome.status}): {said}",
                hint=f"mend the cause, or let `on_error` of {self.role} say how the run goes on without it",
                code="tool-failed",
            )
        result = outcome.text if outcome.structured is None else outcome.structured
        return {"tool": tool, "status": outcome.status, "text": outcome.text, "result": result}


def tool_agent(workspace: Workspace, role: str, spec: AgentSpec) -> ToolAgent:
    """The agent of a checked workspace."""
    policy = Policy(workspace.spec.tools)
    return ToolAgent(
        role=role,
        spec=spec,
        variables=workspace.spec.variables,
        conditions=tuple(Expression.parse(call.when) if call.when is not None else None for call in spec.calls),
        optional=frozenset(call.tool for call in spec.calls if policy.is_optional(call.tool)),
    )
