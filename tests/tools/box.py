"""A toolbox of a small workspace, opened for real."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from agentctl.agents import BlockingPool
from agentctl.settings import Settings
from agentctl.tools import Toolbox
from agentctl.tools.server import Servers
from agentctl.workspace import load_workspace, store_generation
from agentctl.workspace.code import Code
from agentctl.workspace.mcp_config import declared_servers

HEAD = "version: 1\nmodel: offline\nstages: {talk: {agents: [speaker]}}\nagents: {speaker: {prompt: hi}}\n"


@asynccontextmanager
async def toolbox(
    root: Path,
    files: Mapping[str, str],
    rules: str = "{}",
    *,
    threads: int = 10,
    env: Mapping[str, str] | None = None,
    private: bool = True,
    servers: Mapping[str, object] | None = None,
) -> AsyncIterator[Toolbox]:
    """`files` of `tools/`, by name; `rules` is the value of `tools:`, `servers` what `mcp.json` declares."""
    folder = root / "workspaces" / "demo"
    (folder / "tools").mkdir(parents=True, exist_ok=True)
    (folder / "workspace.yaml").write_text(f"{HEAD}tools: {rules}\n")
    for name, text in files.items():
        (folder / "tools" / name).write_text(text)
    if servers:
        (folder / "mcp.json").write_text(json.dumps({"mcpServers": servers}))
    workspace = load_workspace(root, "demo")
    code = Code(f"_agentctl_test_{workspace.generation}", store_generation(workspace), workspace.files)
    settings = Settings(root=root, allow_private_urls=private, env=env or {})
    external = Servers()
    declared = [await external.acquire(config, settings.env, root / "logs") for config in declared_servers(workspace)]
    box = Toolbox(workspace, code, settings, BlockingPool(threads).run, declared)
    try:
        await box.open()
        yield box
    finally:
        await box.close()
        await external.close()
        code.close()


def one(text: str) -> dict[str, str]:
    """A single file of tools."""
    return {"work.py": text}


async def told(box: Toolbox, name: str, **args: Any) -> tuple[str, str]:
    """Status and text of a call."""
    outcome = await box.call(name, args)
    return outcome.status, outcome.text
