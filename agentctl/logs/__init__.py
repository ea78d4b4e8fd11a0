"""Logs per workspace and per agent: one logger writes them, `read_logs` and `follow` read them.

May import `errors` and `events`. Importing it loads the standard library only.
"""

from agentctl.logs.logger import AgentLogger
from agentctl.logs.mask import env_secrets, mask, mask_values
from agentctl.logs.reader import Wanted, follow, read_logs
from agentctl.logs.record import COMPONENTS, LEVELS, Component, Level
from agentctl.logs.sink import LogSink

__all__ = [
    "COMPONENTS",
    "LEVELS",
    "AgentLogger",
    "Component",
    "Level",
    "LogSink",
    "Wanted",
    "env_secrets",
    "follow",
    "mask",
    "mask_values",
    "read_logs",
]
