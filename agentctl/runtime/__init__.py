"""Running workspaces: one hub a process, one manager a workspace, one orchestrator a run.

May import graph and everything below it. Public: `WorkspaceHub`, `Ready`, `Ways`, `RuntimeManager`,
`Orchestrator`, `RunResult`, `explain`.
"""

from agentctl.runtime.explain import explain
from agentctl.runtime.hub import WorkspaceHub
from agentctl.runtime.manager import RuntimeManager, Ways
from agentctl.runtime.orchestrator import Orchestrator
from agentctl.runtime.ready import Ready
from agentctl.runtime.result import RunResult

__all__ = ["Orchestrator", "Ready", "RunResult", "RuntimeManager", "Ways", "WorkspaceHub", "explain"]
