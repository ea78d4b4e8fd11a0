"""Tools: functions of a workspace, built-in ones and external servers, and calling them through FastMCP.

May import: workspace and below, events, settings, fetch, errors; no agents, models or store.
Public: `Toolbox`, `ToolInfo`, `ToolOutcome`.
"""

from agentctl.tools.info import ToolInfo
from agentctl.tools.outcome import ToolOutcome
from agentctl.tools.toolbox import Toolbox

__all__ = ["ToolInfo", "ToolOutcome", "Toolbox"]
