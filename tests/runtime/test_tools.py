"""Toolboxes of generations over the servers of one process."""

import asyncio
import json
import os
import sys
from contextlib import suppress

import pytest

from agentctl.agents import BlockingPool
from agentctl.runtime.tools import open_toolbox
from agentctl.settings import Settings
from agentctl.tools.server import Servers
from agentctl.workspace import Workspace, load_workspace, store_generation
from agentctl.workspace.code import Code
from tests.conftest import WriteWorkspace
from tests.tools.server_scripts import PLAIN


@pytest.fixture
def served(write_workspace: WriteWorkspace) -> Workspace:
    """A workspace with a server that answers and one that does not."""
    files = {
        name: {"command": sys.executable, "args": ["-S", "-E", "plain.py", vice], "timeout": 60_000}
        for name, vice in {"p": "", "q": "silent"}.items()
    }
    root = write_workspace("demo", {"mcp.json": json.dumps({"mcpServers": {"p": files["p"]}})})
    write_workspace("slow", {"mcp.json": json.dumps({"mcpServers": files})})
    (root / "plain.py").write_text(PLAIN)
    return load_workspace(root, "demo")


def code_of(workspace: Workspace, package: str) -> Code:
    return Code(f"_agentctl_test_{package}", store_generation(workspace), workspace.files)


@pytest.mark.slow
async def test_toolboxes_share_a_server_until_the_last_is_closed(served: Workspace) -> None:
    settings, servers, pool = Settings.load(served.root, {"PATH": os.environ["PATH"]}), Servers(), BlockingPool(2)
    async with open_toolbox(served, code_of(served, "one"), settings, pool, servers) as first:
        pid = (await first.call("p_pid", {})).text
        async with open_toolbox(served, code_of(served, "two"), settings, pool, servers) as second:
            assert (await second.call("p_pid", {})).text == pid
        assert (await first.call("p_pid", {})).text == pid

    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


@pytest.mark.slow
async def test_who_gives_up_on_opening_gives_back_what_was_started(served: Workspace) -> None:
    slow = load_workspace(served.root, "slow")
    settings, servers, pool = Settings.load(served.root, {"PATH": os.environ["PATH"]}), Servers(), BlockingPool(2)
    async with open_toolbox(served, code_of(served, "held"), settings, pool, servers) as box:
        pid = int((await box.call("p_pid", {})).text)

        with suppress(TimeoutError):
            async with asyncio.timeout(1), open_toolbox(slow, code_of(slow, "slow"), settings, pool, servers):
                pytest.fail("one of its servers never answers")
        os.kill(pid, 0)

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
