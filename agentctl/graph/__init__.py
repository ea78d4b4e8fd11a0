"""The graph of a generation: a router, one node per agent of a stage, and LangGraph between them.

The router decides from state alone and does nothing else; a node runs one agent once, under
the failure rules, and returns its delta. May import agents, tools, store, channels, rules, workspace
and errors; LangGraph is imported when a graph is built. Public: `Budget`, `Flow`,
`GraphManager`, `RunContext`, `Seed`, `build_flow`, `replay`, `Approvals`, `Ask`, `Tape`, `Taped`.
"""

from agentctl.graph.approvals import Approvals, Ask
from agentctl.graph.budget import Budget
from agentctl.graph.calls import replay
from agentctl.graph.context import Place, RunContext, Seed
from agentctl.graph.flow import Flow, build_flow
from agentctl.graph.manager import GraphManager
from agentctl.graph.tape import Tape, Taped

__all__ = [
    "Approvals",
    "Ask",
    "Budget",
    "Flow",
    "GraphManager",
    "Place",
    "RunContext",
    "Seed",
    "Tape",
    "Taped",
    "build_flow",
    "replay",
]
