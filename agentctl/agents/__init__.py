"""Agents: stateless, frozen objects, one per role and generation, shared by every run.

An agent gets an `AgentCall` and returns output fields; it never touches state, never emits
events of its own and never executes a tool. May import workspace, models, channels, rules
and errors. Public: `Agent`, `AgentCall`, `AgentRegistry`, `BlockingPool`, `InThread`, `to_delta`.
"""

from agentctl.agents.blocking import BlockingPool
from agentctl.agents.call import Agent, AgentCall, InThread
from agentctl.agents.output import Delta, to_delta
from agentctl.agents.registry import AgentRegistry

__all__ = ["Agent", "AgentCall", "AgentRegistry", "BlockingPool", "Delta", "InThread", "to_delta"]
