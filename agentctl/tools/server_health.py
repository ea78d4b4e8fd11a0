"""Whether the declared servers of a project are there."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agentctl.tools.server import UP, Servers
from agentctl.workspace.discovery import list_workspaces
from agentctl.workspace.load import check_workspace
from agentctl.workspace.mcp_config import ServerConfig, declared_servers


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """One declared server: `found` is how many tools it has, or why it is away."""

    workspace: str
    server: str
    is_up: bool
    found: str


async def examine_servers(root: Path, env: Mapping[str, str], limit_s: float = 15) -> list[ServerHealth]:
    """Start or reach each server of the project's valid workspaces, side by side, and end it again.

    Disabled ones are left alone, and so are those that need a login: nobody is asked for one.

    Args:
        root: of the project.
        env: as `Settings.env`.
        limit_s: time of each server to start and to list its tools.
    """
    servers = Servers(token_folder=token_folder(root))
    declared = await asyncio.to_thread(_declared, root)
    try:
        return await asyncio.gather(*(_one(servers, name, config, root, env, limit_s) for name, config in declared))
    finally:
        await servers.close()


def token_folder(root: Path) -> Path:
    """Where a project keeps the OAuth tokens of its servers."""
    return root / ".agentctl" / "tokens"


def log_folder(root: Path) -> Path:
    """Where a project keeps what its servers say."""
    return root / "logs" / "servers"


def _declared(root: Path) -> list[tuple[str, ServerConfig]]:
    loaded = [check_workspace(root, name)[0] for name in list_workspaces(root)]
    found = [(each.name, config) for each in loaded if each is not None for config in declared_servers(each)]
    return [(name, config) for name, config in found if not config.spec.disabled]


async def _one(
    servers: Servers, name: str, config: ServerConfig, root: Path, env: Mapping[str, str], limit_s: float
) -> ServerHealth:
    try:
        async with asyncio.timeout(limit_s):
            server = await servers.acquire(config, env, log_folder(root))
    except TimeoutError:
        return ServerHealth(name, config.name, is_up=False, found=f"it did not answer within {limit_s:g} s")
    if server.status != UP:
        return ServerHealth(name, config.name, is_up=False, found=server.status)
    count = len(server.tools)
    left_out = "".join(f"; without {tool!r}: {reason}" for tool, reason in server.left_out.items())
    return ServerHealth(name, config.name, is_up=True, found=f"{count} tool{'' if count == 1 else 's'}{left_out}")
