"""`agentctl mcp`: serve a workspace to other programs' models."""

from pathlib import Path
from typing import Annotated

import typer

from agentctl.cli.options import Model, Root, User, WorkspaceName
from agentctl.errors import UsageError


def mcp(
    workspace: WorkspaceName,
    http: Annotated[bool, typer.Option("--http", help="Serve HTTP on loopback; default: stdin and stdout.")] = False,
    port: Annotated[
        int,
        typer.Option(metavar="PORT", min=0, max=65535, help="Of --http; default: a free one, printed on stderr."),
    ] = 0,
    user: User = None,
    model: Model = None,
    root: Root = None,
) -> None:
    """Serve a workspace to other programs, as an MCP server.

    MCP clients start this command themselves. With --http, whoever may connect to
    loopback on this machine may run the workspace.
    """
    from agentctl.cli.drive import drive
    from agentctl.cli.project import workspace_name
    from agentctl.sessions.hub import absolute_model
    from agentctl.workspace import find_root

    if port and not http:
        raise UsageError("--port is of --http", hint="add `--http`")
    name = workspace_name(find_root(root), workspace)
    drive(_serve(root, name, user, absolute_model(model), port if http else None))


async def _serve(root: Path | None, workspace: str, user: str | None, model: str | None, port: int | None) -> None:
    import logging
    import os
    import sys

    from agentctl.cli.aside import printing_aside, stdout_kept
    from agentctl.cli.output import tell
    from agentctl.sessions import Hub

    if port is None and sys.stdin is None:  # closed, as by `<&-`
        raise UsageError("there is no stdin to serve", hint="let an MCP client start it, or use `--http`")
    logging.getLogger().addHandler(logging.NullHandler())  # libraries' warnings are no business of the client's
    async with Hub(root) as hub:
        os.chdir(hub.root)  # tools and agents work from the project's root
        with stdout_kept() as stdout, printing_aside():
            from agentctl.server import serve_http, serve_stdio, workspace_server

            server = await workspace_server(hub, workspace, user=user, model=model)
            if port is not None:
                await serve_http(server, port, on_ready=lambda url: tell(f"serving {workspace} at {url}"))
                return
            if sys.stdin.isatty():
                tell(f"serving {workspace} on stdin and stdout, which is for MCP clients; Ctrl-D ends it")
            await serve_stdio(server, sys.stdin, stdout)
