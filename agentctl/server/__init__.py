"""A workspace as an MCP server: another program's model runs it as a tool and reads its conversations.

Says in the protocol what `sessions` can do, and decides nothing: each call of the tool is a turn of
a session, each session a resource, what a run asks people an elicitation, and a request that is
cancelled a run that is stopped. Whose wires these are is the caller's business: stdin and stdout,
or a socket. May import sessions and everything below it. Loads FastMCP, a second's work: import it
late. Public: `workspace_server` (the server), `serve_stdio` and `serve_http` (until the other side,
or whoever cancels, ends it).
"""

from agentctl.tools.engine import load_fastmcp

load_fastmcp()  # before any module of ours imports it by itself

from agentctl.server.transport import serve_http, serve_stdio  # noqa: E402
from agentctl.server.workspace import workspace_server  # noqa: E402

__all__ = ["serve_http", "serve_stdio", "workspace_server"]
