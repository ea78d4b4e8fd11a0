"""The tools of a workspace, open for as long as somebody calls them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from agentctl.agents import BlockingPool
from agentctl.settings import Settings
from agentctl.tools import Toolbox
from agentctl.tools.server import Server, Servers
from agentctl.tools.server_health import log_folder, token_folder
from agentctl.workspace import Workspace, load_workspace, store_generation
from agentctl.workspace.code import Code
from agentctl.workspace.mcp_config import ServerConfig, declared_servers


@asynccontextmanager
async def open_toolbox(
    workspace: Workspace, code: Code, settings: Settings, pool: BlockingPool, servers: Servers
) -> AsyncIterator[Toolbox]:
    """The toolbox of a generation, its servers started side by side; they are given back at the end.

    Args:
        workspace, code: the generation, and what runs its files.
        settings: of the process.
        pool: for blocking tools only; an agent that blocks may wait for its tool.
        servers: of the process; who owns them closes them.

    Raises:
        WorkspaceError: two tools have one name.
    """
    folder, declared = log_folder(settings.root), declared_servers(workspace)
    held: dict[str, Server] = {}

    async def acquire(config: ServerConfig) -> None:
        held[config.name] = await servers.acquire(config, settings.env, folder)

    try:
        await asyncio.gather(*map(acquire, declared))
        box = Toolbox(workspace, code, settings, pool.run, [held[config.name] for config in declared])
        try:
            await box.open()
            yield box
        finally:
            await box.close()
    finally:
        await asyncio.gather(*map(servers.release, held.values()))


@asynccontextmanager
async def workspace_tools(
    settings: Settings, name: str, *, on_login: Callable[[str], None] | None = None
) -> AsyncIterator[tuple[Workspace, Toolbox]]:
    """A workspace as it is on disk, and its tools, without agents, models or the store. Runs its code.

    Args:
        settings: of the process.
        name: of the workspace.
        on_login: as `Servers` takes it.

    Raises:
        WorkspaceError: no such workspace, it is invalid, or two tools have one name.
        StoreUnusable: the generation cannot be kept.
    """
    workspace = await asyncio.to_thread(load_workspace, settings.root, name)
    folder = await asyncio.to_thread(store_generation, workspace)
    package = f"_agentctl_tools_{name.replace('-', '_')}_{workspace.generation}"
    code = Code(package, folder, workspace.files)
    servers = Servers(on_login=on_login, token_folder=token_folder(settings.root))
    pool = BlockingPool(settings.blocking_threads)
    try:
        async with open_toolbox(workspace, code, settings, pool, servers) as box:
            yield workspace, box
    finally:
        await servers.close()
        code.close()
