"""One compiled graph a generation: `stage_router` and a node for each agent of each stage."""

import contextvars
from collections.abc import Mapping
from typing import Annotated, Any, TypedDict

from agentctl.agents import AgentRegistry
from agentctl.graph.context import Fact, RunContext
from agentctl.graph.flow import Flow
from agentctl.graph.node import Execution
from agentctl.graph.router import Control, advance
from agentctl.workspace.spec import AgentSpec

ROUTER = "stage_router"


class GraphManager:
    """Builds the graph of each generation once and keeps it until `forget`.

    A compiled graph holds no state of a run, so one serves them all.
    """

    def __init__(self) -> None:
        self._graphs: dict[str, Any] = {}

    def get(
        self,
        generation: str,
        flow: Flow,
        registry: AgentRegistry,
        specs: Mapping[str, AgentSpec],
        checkpointer: object,
    ) -> Any:
        """The compiled graph of `generation`, built at the first call."""
        if generation not in self._graphs:
            self._graphs[generation] = _compile(flow, registry, specs, checkpointer)
        return self._graphs[generation]

    def forget(self, generation: str) -> None:
        """Drop the graph of a generation that nobody needs any more."""
        self._graphs.pop(generation, None)


def _compile(flow: Flow, registry: AgentRegistry, specs: Mapping[str, AgentSpec], checkpointer: object) -> Any:
    from langgraph.graph import StateGraph
    from langgraph.runtime import Runtime
    from langgraph.types import Command

    nodes = {
        (stage.name, role): f"{stage.name}.{position:04d}.{role}"  # sorts by the order in `agents:`, as merges do
        for stage in flow.stages.values()
        for position, role in enumerate(stage.roles)
    }

    async def stage_router(state: dict[str, Any], runtime: Runtime[RunContext]) -> Any:
        move = advance(flow, state)
        for fact in move.facts:
            _tell(runtime, fact)
        goto = [nodes[move.control.stage, role] for role in move.agents]
        update = {**move.update, "_control": _as_dict(move.control)}
        return Command(update=update, goto="__end__" if move.is_last else goto or [ROUTER])

    def node(role: str) -> Any:
        async def agent_node(state: dict[str, Any], runtime: Runtime[RunContext]) -> Any:
            control = Control(**state["_control"])
            # LangGraph finds the stream by context, which a thread, task or nested graph of the agent's has not.
            context = contextvars.copy_context()

            def say(fact: Fact) -> None:
                context.run(_tell, runtime, fact)

            return await Execution(flow, registry, specs, runtime.context, say, state, control).node(role)

        return agent_node

    builder: Any = StateGraph(_schema(flow), context_schema=RunContext)
    builder.add_node(ROUTER, stage_router)
    builder.set_entry_point(ROUTER)
    for (_, role), name in nodes.items():
        builder.add_node(name, node(role))
        builder.add_edge(name, ROUTER)
    return builder.compile(checkpointer=checkpointer)


def _schema(flow: Flow) -> Any:
    """The state as a TypedDict: every channel, and hidden ones of our own."""
    from langgraph.channels import BinaryOperatorAggregate, LastValue, Topic

    from agentctl.channels.build import build_channels
    from agentctl.channels.merge import merge_peaks

    fields: dict[str, Any] = {name: Annotated[Any, channel] for name, channel in build_channels(flow.channels).items()}
    # The highest single score per option, agent and metric, for vetoes: `rewards` holds sums.
    fields["_peaks"] = Annotated[Any, BinaryOperatorAggregate[Any](dict, merge_peaks)]
    fields["_control"] = Annotated[dict, LastValue(dict)]
    fields["_outcomes"] = Annotated[list, Topic(dict)]
    return TypedDict("RunState", fields)  # type: ignore[operator]


def _tell(runtime: Any, fact: Fact) -> None:
    """Put a fact on LangGraph's custom stream, unless the run has told it before."""
    key, told = fact[2], runtime.context.told
    if key in told:
        return
    if key:
        told.add(key)
    runtime.stream_writer(fact)


def _as_dict(control: Control) -> dict[str, Any]:
    return {name: getattr(control, name) for name in Control.__dataclass_fields__}
