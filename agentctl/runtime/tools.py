"""The tools of a workspace, open for as long as somebody calls them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from agentctl.agents import BlockingPool
from agentctl.errors import UsageError, WorkspaceError, did_you_mean
from agentctl.runtime.ready import Offer
from agentctl.settings import Settings
from agentctl.tools import Toolbox
from agentctl.tools.info import Hints
from agentctl.tools.policy import Policy
from agentctl.tools.server import Server, Servers
from agentctl.tools.server_health import log_folder, token_folder
from agentctl.workspace import Workspace, load_workspace, store_generation
from agentctl.workspace.code import Code
from agentctl.workspace.mcp_config import ServerConfig, declared_servers
from agentctl.workspace.spec import AgentSpec

OpenBox = Callable[[Workspace, Code, Settings, BlockingPool, Servers], AbstractAsyncContextManager[Toolbox]]
"""Opens the tools of a generation; see `open_toolbox`."""


def patterns(agent: AgentSpec) -> list[str]:
    """The tools that an agent lists; a `tool` agent lists those that it calls."""
    return [*agent.tools, *(call.tool for call in agent.calls)]


def offer(workspace: Workspace, box: Toolbox, enabled: Collection[str]) -> Offer:
    """What each agent may call in one turn.

    Args:
        enabled: the optional tools that the turn asks for.

    Raises:
        WorkspaceError: an agent lists a tool that there is not.
        UsageError: `enabled` names what is no optional tool of any agent.
    """
    listed = {role: patterns(agent) for role, agent in workspace.spec.agents.items()}
    tools = {role: box.select(names, enabled) for role, names in listed.items()}
    warnings = []
    for role, names in listed.items():
        for name in dict.fromkeys(names):
            if name not in box.missing:
                continue
            if not box.is_away(name):
                raise WorkspaceError(
                    f"agent {role!r} lists the tool {name!r}: {box.missing[name]}",
                    hint="see what there is with `agentctl tools list`",
                    code="tool-unknown",
                )
            warnings.append(f"agent {role!r} works without {name!r}: {box.missing[name]}")
    optional = {info.name for names in listed.values() for info in box.select(names, box.tools) if info.optional}
    for name in enabled:
        if name not in optional:
            known = f"its optional tools: {', '.join(sorted(optional))}" if optional else "it has none"
            raise UsageError(f"no agent has an optional tool {name!r}{did_you_mean(name, list(optional))}", hint=known)
    return Offer(box, tools, warnings)


def played(workspace: Workspace, enabled: Collection[str]) -> Offer:
    """What agents may call where nothing is called: all that matters is which optional tools are on."""
    policy = Policy(workspace.spec.tools)
    on = {name: policy.info(name, description="", schema={}, source="recording", hints=Hints()) for name in enabled}
    agents = workspace.spec.agents.items()
    return Offer(None, {role: [on[name] for name in patterns(agent) if name in on] for role, agent in agents})


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
