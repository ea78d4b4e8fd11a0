"""The MCP server of one workspace: its tool, its resources, what it says of itself."""

from importlib.metadata import PackageNotFoundError, version

from fastmcp import FastMCP
from fastmcp.tools import Tool
from mcp.server.request_state import RequestStateSecurity

from agentctl.server.conversations import Conversations
from agentctl.server.turn import OUTPUT, Turns
from agentctl.sessions import Hub

MAX_NAME = 64
"""Models' providers take no longer names of tools."""


async def workspace_server(
    hub: Hub, workspace: str, *, user: str | None = None, model: str | None = None
) -> FastMCP[None]:
    """A server for a workspace of an open hub, not serving yet.

    Args:
        user: whose the runs are, and whose sessions are shown; a label. Default: the user of the operating system.
        model: over every agent's model.

    Raises:
        WorkspaceError: no such workspace, or it is invalid.
        ServiceUnavailable: a key is missing, or the store is unusable.
    """
    ready = await hub.runtime.prepare(workspace, model)
    spec = ready.live.workspace.spec
    about = spec.description or f"Runs the multi-agent workspace {workspace}."
    # As long as an approval can be decided, the client may come back with the decision.
    states = RequestStateSecurity.ephemeral(ttl=spec.tools.expires_s)
    server: FastMCP[None] = FastMCP(
        f"agentctl-{workspace}", instructions=about, version=_version(), request_state_security=states
    )
    server.add_tool(
        Tool.from_function(
            Turns(hub, workspace, user, model).run,
            name=f"run_{workspace.replace('-', '_')}"[:MAX_NAME],
            title=workspace,
            description=about,
            output_schema=OUTPUT,
        )
    )
    Conversations(hub, workspace, user).add_to(server)
    return server


def _version() -> str:
    try:
        return version("agentctl-workspaces")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "0"
